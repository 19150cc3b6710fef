//! What a signature says: how it is read, and what is said of it.

pub mod advice;
pub mod declaration;
pub mod element_words;
pub mod grammar;
pub mod help;
pub mod parsed;
pub mod scalar;
