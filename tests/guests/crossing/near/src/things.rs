//! Resources of another component: held, lent, given away and given back.

use crate::bindings::test::crossing::between;
use crate::bindings::test::crossing::things::{self, Counter};
use crate::{Checked, same};
use futures::future::join_all;

pub async fn methods() -> Checked {
    let counter = Counter::new(u64::MAX - 10);
    same("value", &(u64::MAX - 10), &counter.value())?;
    same("add", &(u64::MAX - 9), &counter.add(1))?;
    same("add, later", &(u64::MAX - 7), &counter.add_later(2).await)?;
    let sums = join_all((0..7).map(|_| counter.add_later(1))).await;
    same("add, at once", &u64::MAX, sums.iter().max().unwrap_or(&0))?;
    same("alive", &1, &things::alive())?;
    drop(counter);
    same("alive after it was dropped", &0, &things::alive())
}

pub fn owned() -> Checked {
    let (one, other) = (Counter::new(1), Counter::new(2));
    let joined = Counter::join(one, &other);
    same("joined", &3, &joined.value())?;
    same("alive", &2, &things::alive())?;
    same("made", &Some(7), &things::made(Some(7)).map(|counter| counter.value()).ok())?;
    let missing = things::made(None).map(|counter| counter.value());
    same("not made", &Err("nothing to start from".to_owned()), &missing)?;
    drop((joined, other));
    same("alive", &0, &things::alive())
}

pub async fn lent() -> Checked {
    let counters: Vec<Counter> = (0..40).map(Counter::new).collect();
    let borrowed: Vec<&Counter> = counters.iter().collect();
    same("sum", &780, &things::sum(&borrowed))?;
    same("sum, later", &780, &things::sum_later(borrowed).await)?;
    let same_twice: Vec<&Counter> = counters.last().into_iter().cycle().take(2).collect();
    same("sum of one twice", &78, &things::sum(&same_twice))?;
    same("sum of none", &0, &things::sum(&[]))?;
    same("alive", &40, &things::alive())
}

pub fn kept() -> Checked {
    // Places in the table are given up and taken again in another order.
    let mut counters: Vec<Counter> = (0..20).map(Counter::new).collect();
    let rest = counters.split_off(10);
    things::keep(counters);
    things::keep(vec![]);
    let mut values: Vec<u64> = rest.iter().map(Counter::value).collect();
    same("what was not kept", &(10..20).collect(), &values)?;
    drop(rest);
    same("alive", &10, &things::alive())?;
    let more = Counter::new(100);
    let back = things::give_back();
    values = back.iter().map(Counter::value).collect();
    same("what was kept", &(0..10).collect(), &values)?;
    same("alive", &11, &things::alive())?;
    same("nothing more", &0, &things::give_back().len())?;
    drop((more, back));
    same("alive at the end", &0, &things::alive())
}

/// A resource that is lent and given to a component that has not made it either.
pub async fn between() -> Checked {
    let (one, other) = (Counter::new(1), Counter::new(20));
    same("sum", &21, &between::sum(&one, &other))?;
    same("sum of one twice", &40, &between::sum(&other, &other))?;
    same("add twice", &5, &between::add_twice(&one, 2))?;
    same("add, later", &10, &between::add_later(&one, 5).await)?;
    let sums = join_all((0..10).map(|_| between::add_later(&one, 1))).await;
    same("add, at once", &20, sums.iter().max().unwrap_or(&0))?;
    let fresh = between::swap(one);
    same("swapped", &20, &fresh.value())?;
    same("alive", &3, &things::alive())?;
    let values: Vec<u64> = things::give_back().iter().map(Counter::value).collect();
    same("what the other has kept", &vec![20], &values)?;
    drop((fresh, other));
    same("alive at the end", &0, &things::alive())
}
