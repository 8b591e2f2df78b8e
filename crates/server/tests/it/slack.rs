//! Slack from end to end: a workspace is connected, rooms and people are told, what they press and say is done, and
//! the messages follow.

mod buttons;
mod commands;
mod connect;
mod desk;
mod pages;
mod room;
mod troubles;
