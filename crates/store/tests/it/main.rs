//! The store on both databases.

#[macro_use]
mod both;

mod driver;
