//! Buffers that rows were evaluated into, kept for the next query: the system clears fresh memory page by page first.

use super::rows::Rows;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes from which an allocation is served by the system rather than from what the allocator has at hand.
const LARGE: usize = 256 << 10;
/// Bytes that are kept at most.
const KEPT_MAX: usize = 64 << 20;
/// The part of the session's memory that is kept at most: one byte in so many.
const SHARE_MAX: usize = 32;

/// Buffers for rows, within a budget that is part of the session's memory.
#[derive(Debug)]
pub struct BufferPool {
    budget: usize,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    strata: Vec<Vec<u32>>,
    values: Vec<Vec<f64>>,
    reserved: MemoryReservation,
}

impl BufferPool {
    /// An empty pool for a session with `memory` bytes; buffers that are kept are reserved in `pool`.
    pub fn new(memory: usize, pool: &Arc<dyn MemoryPool>) -> Self {
        let reserved = MemoryConsumer::new("memory for the next query").register(pool);
        let held = Held { strata: Vec::new(), values: Vec::new(), reserved };
        Self { budget: (memory / SHARE_MAX).min(KEPT_MAX), held: Mutex::new(held) }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acquires an empty vector with room for `count` strata.
    pub fn strata(&self, count: usize) -> Vec<u32> {
        let held = &mut *self.lock();
        acquire(&mut held.strata, count, &held.reserved)
    }

    /// Acquires an empty vector with room for `count` values.
    pub fn values(&self, count: usize) -> Vec<f64> {
        let held = &mut *self.lock();
        acquire(&mut held.values, count, &held.reserved)
    }

    /// Puts the buffers of rows that are not needed any more on the free lists, as far as there is room.
    pub fn keep(&self, rows: Rows) {
        let held = &mut *self.lock();
        if held.makes_room(bytes(&rows.strata), self.budget) {
            held.strata.push(emptied(rows.strata));
        }
        for values in rows.arguments {
            if held.makes_room(bytes(&values), self.budget) {
                held.values.push(emptied(values));
            }
        }
    }

    /// Frees all buffers, for others that need the memory.
    pub fn clear(&self) {
        let held = &mut *self.lock();
        held.strata.clear();
        held.values.clear();
        held.reserved.free();
    }
}

impl Held {
    /// Reserves `more` bytes, dropping the oldest buffers for them; false when so few are not worth it or there is no room.
    fn makes_room(&mut self, more: usize, budget: usize) -> bool {
        if more < LARGE || more > budget {
            return false;
        }
        while self.reserved.size() + more > budget && self.drops_one() {}
        self.reserved.try_grow(more).is_ok()
    }

    /// Drops the oldest buffer of the kind that takes more bytes; false when there is none.
    fn drops_one(&mut self) -> bool {
        let all = [self.strata.iter().map(bytes).sum::<usize>(), self.values.iter().map(bytes).sum()];
        if all == [0, 0] {
            return false;
        }
        let freed = if all[0] > all[1] { bytes(&self.strata.remove(0)) } else { bytes(&self.values.remove(0)) };
        self.reserved.shrink(freed);
        true
    }
}

fn emptied<T>(mut own: Vec<T>) -> Vec<T> {
    own.clear();
    own
}

/// An acquired buffer has at most one part in so many more room than was asked for.
pub const SURPLUS: usize = 8;

/// Acquires the smallest buffer of `free_list` with room for `count` and not much more, or a new one.
fn acquire<T>(free_list: &mut Vec<Vec<T>>, count: usize, reserved: &MemoryReservation) -> Vec<T> {
    let fits = |own: &Vec<T>| own.capacity() >= count && own.capacity() <= count + count / SURPLUS;
    let all = free_list.iter().enumerate().filter(|(_, own)| fits(own));
    match all.min_by_key(|(_, own)| own.capacity()).map(|(at, _)| at) {
        Some(at) => {
            let own = free_list.swap_remove(at);
            reserved.shrink(bytes(&own));
            own
        }
        None => Vec::with_capacity(count),
    }
}

fn bytes<T>(own: &Vec<T>) -> usize {
    own.capacity() * size_of::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    fn rows(count: usize) -> Rows {
        Rows { strata: vec![7; count], arguments: vec![vec![1.5; count]], ..Rows::default() }
    }

    /// A buffer that was given back is acquired again, empty, by a caller who needs about as much; an acquired one is not reserved.
    #[test]
    fn memory_is_lent_again() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 30));
        let buffers = BufferPool::new(1 << 30, &pool);
        let given = rows(100_000);
        let places = (given.strata.as_ptr(), given.arguments[0].as_ptr());
        buffers.keep(given);
        assert_eq!(pool.reserved(), 1_200_000);
        for count in [10_000, 100_001] {
            let other = buffers.values(count);
            assert_ne!(other.as_ptr(), places.1);
        }
        let (strata, values) = (buffers.strata(99_000), buffers.values(95_000));
        assert_eq!((strata.as_ptr(), values.as_ptr()), places);
        assert!(strata.is_empty() && values.is_empty() && pool.reserved() == 0);
        // Small buffers are not kept.
        buffers.keep(rows(1_000));
        assert_eq!(pool.reserved(), 0);
    }

    /// Neither the budget nor the pool is exceeded, and the buffer that was kept last stays.
    #[test]
    fn memory_is_kept_within_bounds() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(64 << 20));
        let buffers = BufferPool::new(64 << 20, &pool);
        for count in [70_000, 80_000, 90_000, 100_000, 110_000] {
            buffers.keep(rows(count));
            assert!(pool.reserved() <= 2 << 20);
        }
        assert!(buffers.lock().values.iter().any(|values| values.capacity() == 110_000));
        buffers.keep(rows(1 << 20));
        assert!(pool.reserved() <= 2 << 20);
        let full: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 20));
        let buffers = BufferPool::new(1 << 30, &full);
        buffers.keep(rows(200_000));
        assert_eq!(full.reserved(), 800_000);
    }
}
