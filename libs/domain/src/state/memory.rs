//! Remembers for a stated time.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::timestamp::Timestamp;

/// A map whose entries are forgotten in the order they came. Expiry follows the time of commits,
/// so every fold of the same log forgets at the same commit.
#[derive(Debug, Clone)]
pub struct Memory<K, V> {
    entries: HashMap<K, V>,
    order: VecDeque<(Timestamp, K)>,
}

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Memory<K, V> {
    /// What is remembered under `key`.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// Entries remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Remembers until `expires`; what is remembered already stays as it is.
    pub(crate) fn insert(&mut self, key: K, value: V, expires: Timestamp) {
        if let std::collections::hash_map::Entry::Vacant(entry) = self.entries.entry(key.clone()) {
            entry.insert(value);
            self.order.push_back((expires, key));
        }
    }

    /// Forgets what expired at `now`.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        while self
            .order
            .front()
            .is_some_and(|(expires, _)| *expires <= now)
        {
            if let Some((_, key)) = self.order.pop_front() {
                self.entries.remove(&key);
            }
        }
    }
}

impl<K: Eq + Hash, V: PartialEq> PartialEq for Memory<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order && self.entries == other.entries
    }
}

impl<K: Serialize + Eq + Hash, V: Serialize> Serialize for Memory<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.order
                .iter()
                .map(|(expires, key)| (expires, key, self.entries.get(key))),
        )
    }
}

impl<'de, K, V> Deserialize<'de> for Memory<K, V>
where
    K: Deserialize<'de> + Clone + Eq + Hash,
    V: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<(Timestamp, K, V)>::deserialize(deserializer)?;
        let mut memory = Self::default();
        for (expires, key, value) in rows {
            memory.insert(key, value, expires);
        }
        Ok(memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_at_the_stated_time_and_not_before() {
        let mut memory = Memory::default();
        memory.insert("a", 1, Timestamp::from_millis(10));
        memory.insert("b", 2, Timestamp::from_millis(20));
        memory.forget(Timestamp::from_millis(9));
        assert_eq!(memory.len(), 2);
        memory.forget(Timestamp::from_millis(10));
        assert_eq!((memory.get(&"a"), memory.get(&"b")), (None, Some(&2)));
    }
}
