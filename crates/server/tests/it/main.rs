//! The tests of the program from outside: the real binary with real senders, mail servers and receivers around it, and
//! the same program in this process on a clock that the tests turn. Each on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

#[macro_use]
mod both;

mod alertmanager;
mod answers;
mod api;
mod backups;
mod bad_input;
mod browser;
mod calendar;
mod calls;
mod certificates;
mod clouds;
mod codes;
mod command_line;
mod crash;
mod devices;
mod environment;
mod failover;
mod figures;
mod mail_server;
mod maintenance;
mod openapi;
mod openid;
mod oracle;
mod overtaken;
mod own_postgres;
mod pagerduty;
mod peers;
mod people;
mod post_office;
mod postgres_copies;
mod preferences;
mod process;
mod providers;
mod replay;
mod reports;
mod rooms;
mod senders;
mod signers;
mod sink;
mod slack;
mod storm;
mod story;
mod texts;
mod tls_front;
mod together;
mod trials;
mod vendors;
mod watch;
mod whatsapp;
mod world;
