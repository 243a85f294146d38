pub use super::keyvalue::add_to_linker;
