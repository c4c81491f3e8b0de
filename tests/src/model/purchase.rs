//! A purchase, and the Sparks that refunds, disputes and credit notes claw back from it.

/// Returns the Sparks that go with an amount of money. They are its part of the price paid, rounded up.
pub fn share(granted: i64, cents: i64, paid: i64) -> i64 {
    (granted * cents + paid - 1) / paid
}

/// A refund, dispute or credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// Its id.
    pub id: String,
    /// The share of its amount.
    pub wanted: i64,
    /// The part of the share that it has taken.
    pub taken: i64,
    /// False once it has failed, was won or was voided.
    pub in_force: bool,
}

/// A purchase in milli-Sparks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purchase {
    /// The amount that came in.
    pub granted: i64,
    /// The amount that has expired, including restored parts.
    pub expired: i64,
    /// All reversals, oldest first.
    pub reversals: Vec<Reversal>,
}

impl Purchase {
    /// Returns what the reversals in force have taken.
    pub fn taken(&self) -> i64 {
        self.in_force().map(|reversal| reversal.taken).sum()
    }

    /// Returns what another reversal may take at most. It is negative if too much was taken.
    pub fn left(&self) -> i64 {
        self.granted - self.expired - self.taken()
    }

    /// Returns what the reversals in force must have taken. It is their shares, but nothing that has expired.
    pub fn due(&self) -> i64 {
        let wanted: i64 = self.in_force().map(|reversal| reversal.wanted).sum();
        wanted.min(self.granted - self.expired)
    }

    /// Adds a reversal; returns what it takes.
    pub fn reverse(&mut self, id: &str, wanted: i64) -> i64 {
        let taken = wanted.min(self.left().max(0));
        self.reversals.push(Reversal {
            id: id.to_owned(),
            wanted,
            taken,
            in_force: true,
        });
        taken
    }

    /// Ends a reversal. Returns what comes back, after the others have taken what they could not take before.
    ///
    /// # Panics
    /// Panics if there is no such reversal.
    pub fn restore(&mut self, id: &str) -> i64 {
        let mut reversals = self.reversals.iter_mut();
        let ended = reversals.find(|reversal| reversal.id == id);
        let ended = ended.expect("a reversal");
        ended.in_force = false;
        let mut back = ended.taken;
        for index in 0..self.reversals.len() {
            let left = self.left().max(0);
            let reversal = &mut self.reversals[index];
            if reversal.in_force {
                let more = (reversal.wanted - reversal.taken).min(left).min(back);
                reversal.taken += more;
                back -= more;
            }
        }
        back
    }

    fn in_force(&self) -> impl Iterator<Item = &Reversal> {
        let reversals = self.reversals.iter();
        reversals.filter(|reversal| reversal.in_force)
    }
}
