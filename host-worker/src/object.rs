//! Durable objects: which may be called, how many calls wait, and what an alarm's failure leads to.
