//! Crashes, outages and load, and the simulation that mixes them.

mod busy;
mod busy_account;
mod crash;
mod load;
mod providers_down;
mod simulation;
