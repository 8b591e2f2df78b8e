//! Journeys through the pages in a real browser, each with the program as people run it and a real mail server.
//!
//! One database is enough here: pages ask the same store as everything else, which has its tests on both.

mod channels;
mod every_page;
mod fields;
mod filled;
mod first_page;
mod first_steps;
mod hostile;
mod incident;
mod integrations;
mod list;
mod mail_link;
mod mapping;
mod no_scripts;
mod offline;
mod pages;
mod palette;
mod passkeys;
mod pictures;
mod push;
mod schedules;
mod sign_in;
mod stage;
mod window;
