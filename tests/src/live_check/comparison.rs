//! Comparison of the fake's answers with Stripe's.
//!
//! A difference is another status, another word, a field that the fake sends and Stripe does not, or a field of another
//! type that is not null. Stripe may send more.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use super::recorder::{Exchange, Recording};
use super::shape::{Field, Shape, Type};
use super::step::Step;

/// The outcome of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Everything that differs.
    pub differences: Vec<Difference>,
    /// Everything that the fake sent and Stripe had nothing to compare with.
    pub notes: Vec<Note>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The step.
    pub step: Step,
    /// The exchange, or the account at which the step failed.
    pub name: String,
    /// The kind.
    pub kind: Kind,
}

/// The kind of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The step failed.
    Failed(String),
    /// The statuses differ.
    Status {
        /// The fake's.
        fake: u16,
        /// Stripe's.
        stripe: u16,
    },
    /// Stripe does not send the field.
    Missing {
        /// Its path.
        field: String,
    },
    /// The field has another type.
    Type {
        /// Its path.
        field: String,
        /// The fake's types.
        fake: String,
        /// Stripe's types.
        stripe: String,
    },
    /// The field has another word.
    Word {
        /// Its path.
        field: String,
        /// The fake's words.
        fake: String,
        /// Stripe's words.
        stripe: String,
    },
}

/// One thing that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    step: Step,
    name: String,
    why: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, name, kind } = self;
        write!(f, "{step}: {name}: ")?;
        match kind {
            Kind::Failed(why) => write!(f, "the step failed: {why}"),
            Kind::Status { fake, stripe } => {
                write!(f, "the fake answers {fake}, Stripe {stripe}")
            }
            Kind::Missing { field } => write!(f, "`{field}` is sent by the fake only"),
            Kind::Type {
                field,
                fake,
                stripe,
            }
            | Kind::Word {
                field,
                fake,
                stripe,
            } => write!(f, "`{field}` is {fake} at the fake, {stripe} at Stripe"),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, name, why } = self;
        write!(f, "{step}: {name}: {why}")
    }
}

/// Compares all exchanges of two plays.
pub fn compare(fake: &Recording, stripe: &Recording) -> Comparison {
    let mut comparison = Comparison::default();
    for (recording, account) in [(fake, "at the fake"), (stripe, "at Stripe")] {
        for failure in &recording.failures {
            comparison.differences.push(Difference {
                step: failure.step,
                name: account.to_owned(),
                kind: Kind::Failed(failure.why.clone()),
            });
        }
    }
    let mut groups: BTreeMap<(Step, &str), [VecDeque<&Exchange>; 2]> = BTreeMap::new();
    for (side, recording) in [fake, stripe].into_iter().enumerate() {
        for exchange in &recording.exchanges {
            let group = groups.entry((exchange.step, &exchange.name)).or_default();
            group[side].push_back(exchange);
        }
    }
    for [of_fake, of_stripe] in groups.into_values() {
        comparison.add_group(of_fake, of_stripe);
    }
    comparison
}

impl Comparison {
    /// Pairs the exchanges of one name in their order, first those of the same status.
    ///
    /// An account that was set up before gets fewer requests than a new one, which is not a difference.
    fn add_group<'e>(
        &mut self,
        of_fake: VecDeque<&'e Exchange>,
        mut of_stripe: VecDeque<&'e Exchange>,
    ) {
        let mut alone = VecDeque::new();
        for fake in of_fake {
            let same = of_stripe.iter().position(|one| one.status == fake.status);
            match same.and_then(|position| of_stripe.remove(position)) {
                Some(stripe) => self.add_pair(fake, stripe),
                None => alone.push_back(fake),
            }
        }
        while let (Some(fake), Some(stripe)) = (alone.front(), of_stripe.front()) {
            let (fake, stripe) = (*fake, *stripe);
            alone.pop_front();
            of_stripe.pop_front();
            let kind = Kind::Status {
                fake: fake.status,
                stripe: stripe.status,
            };
            self.differ(fake, kind);
        }
        for (rest, side) in [(alone, "the fake"), (of_stripe, "Stripe")] {
            if let Some(first) = rest.front() {
                let count = rest.len();
                self.note(first, format!("sent {count} times more to {side}"));
            }
        }
    }

    fn add_pair(&mut self, fake: &Exchange, stripe: &Exchange) {
        for (path, field) in fake.answer.fields() {
            match stripe.answer.field(path) {
                Some(other) => self.add_field(fake, path, field, other),
                None => self.add_missing(fake, path, &stripe.answer),
            }
        }
    }

    fn add_field(&mut self, of: &Exchange, path: &str, fake: &Field, stripe: &Field) {
        let (own, other) = (fake.filled(), stripe.filled());
        let field = path.to_owned();
        if !other.is_empty() && !own.is_subset(&other) {
            let (fake, stripe) = (fake.type_names(), stripe.type_names());
            let kind = Kind::Type {
                field,
                fake,
                stripe,
            };
            self.differ(of, kind);
        } else if !stripe.words.is_empty() && !fake.words.is_subset(&stripe.words) {
            let (fake, stripe) = (fake.word_list(), stripe.word_list());
            let kind = Kind::Word {
                field,
                fake,
                stripe,
            };
            self.differ(of, kind);
        } else if other.is_empty() && own.contains(&Type::Object) {
            self.note(of, format!("`{path}` is null at Stripe"));
        }
    }

    /// Adds a path that Stripe did not send. It is a difference if Stripe sent the object around it.
    fn add_missing(&mut self, of: &Exchange, path: &str, stripe: &Shape) {
        if let Some(list) = path.strip_suffix("[]") {
            if stripe.field(list).is_some() {
                self.note(of, format!("`{list}` is empty at Stripe"));
            }
            return;
        }
        let parent = path.rsplit_once('.').map(|(parent, _)| parent);
        let is_there = parent.is_none_or(|parent| {
            let parent = stripe.field(parent);
            parent.is_some_and(|parent| parent.types.contains(&Type::Object))
        });
        if is_there {
            let field = path.to_owned();
            self.differ(of, Kind::Missing { field });
        }
    }

    fn differ(&mut self, of: &Exchange, kind: Kind) {
        let difference = Difference {
            step: of.step,
            name: of.name.clone(),
            kind,
        };
        if !self.differences.contains(&difference) {
            self.differences.push(difference);
        }
    }

    fn note(&mut self, of: &Exchange, why: String) {
        let note = Note {
            step: of.step,
            name: of.name.clone(),
            why,
        };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}
