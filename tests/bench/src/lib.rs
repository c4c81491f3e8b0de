//! The functions as they are measured. They are processes of their binaries, as Lambda runs them, among fakes in this
//! process.
//!
//! A [`world::World`] is the surroundings, a [`flow::Caller`] makes events, and [`function`] runs the binaries. The
//! program `budget` counts, and the benches in this folder's parent time.

pub mod flow;
pub mod function;
pub mod traffic;
pub mod world;
