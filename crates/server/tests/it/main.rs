//! The tests of the program from outside: the real binary with real senders, mail servers and receivers around it, and
//! the same program in this process on a clock that the tests turn. Each on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

#[macro_use]
mod both;

mod alertmanager;
mod answers;
mod api;
mod bad_input;
mod browser;
mod certificates;
mod clouds;
mod command_line;
mod crash;
mod environment;
mod mail_server;
mod openapi;
mod oracle;
mod overtaken;
mod pagerduty;
mod peers;
mod post_office;
mod process;
mod replay;
mod rooms;
mod senders;
mod sink;
mod slack;
mod storm;
mod story;
mod tls_front;
mod vendors;
mod world;
