//! Three real processes on one PostgreSQL, with a stream of alerts to all of them: what holds across them, and what
//! becomes of it when one dies, sleeps or is cut off, and when the database does.

mod across;
mod arrears;
mod chaos;
mod cluster;
mod cut;
mod dying;
mod fleet;
mod full;
mod line;
mod servers;
mod stream;
mod upgrade;

pub(crate) use arrears::pay_the_rest;
