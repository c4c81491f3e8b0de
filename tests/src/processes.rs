//! The functions as Lambda runs them: real binaries, which a story can kill.

use std::collections::BTreeMap;
use std::path::PathBuf;

use local::gateway::{CONCURRENCY, Functions, Gateway};
use local::lambda::{Fleet, Options};
use local::template::Template;
use local::token::Keys;
use shared::process::clock::Clock;

use crate::functions::own_variables;
use crate::operator::set_up_stripe;
use crate::{World, listen};

impl World {
    /// Moves the stack to the machine's time, with each function in processes of its own.
    pub async fn in_processes(mut self) -> (Self, BTreeMap<String, Fleet>) {
        let clock = Clock::system();
        let stripe = self.stack.stripe.clock();
        stripe.skip(clock.now().as_second() - stripe.now().as_second());
        let listener = listen().await;
        self.environment
            .insert("ALLOWED_ORIGINS".to_owned(), listener.url());
        set_up_stripe(&self.environment, &listener, &clock).await;
        let template = Template::on_this_machine(&[listener.url()]).expect("the template");
        let fleets: BTreeMap<String, Fleet> = template
            .functions
            .keys()
            .map(|name| (name.clone(), self.fleet(&template, name)))
            .collect();
        let functions = Functions::Processes(fleets.clone());
        let gateway = Gateway::serve(listener, template, functions, Keys::generate());
        let gateway = gateway.expect("a gateway serves");
        let world = Self {
            gateway,
            clock,
            ..self
        };
        (world, fleets)
    }

    fn fleet(&self, template: &Template, name: &str) -> Fleet {
        let options = Options {
            name: name.to_owned(),
            ..Options::default()
        };
        let mut variables = own_variables(template, name, &self.environment);
        // Secrets are parameters, as in AWS.
        for variable in &template.functions[name].variables {
            let Some(secret) = variable.strip_suffix("_PARAMETER") else {
                continue;
            };
            if let Some(value) = variables.remove(secret) {
                let parameter = format!("/sparks/{}", secret.to_lowercase().replace('_', "-"));
                self.stack.parameters.put(&parameter, &value);
                variables.insert(variable.clone(), parameter);
            }
        }
        Fleet::new(&binary(name), variables, options, CONCURRENCY)
    }
}

/// Returns the path of a function's binary, which is built beside this one.
fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a path of our own");
    // Tests are in a folder of their own below it: `target/debug/deps`.
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name));
    found
        .clone()
        .find(|binary| binary.is_file())
        .unwrap_or_else(|| {
            let looked = found.last().unwrap_or_default();
            panic!(
                "{} is missing: run `cargo build --workspace --bins`",
                looked.display()
            )
        })
}
