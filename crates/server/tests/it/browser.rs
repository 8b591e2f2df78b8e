//! Journeys through the pages in a real browser, each with the program as people run it and a real mail server.

mod first_page;
mod stage;
mod window;
