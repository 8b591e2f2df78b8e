//! The rules of paging from outside: scenarios told in words, and properties that hold whatever happens.

mod maintenance;
mod properties;
mod scenario;
mod stories;
mod together;
