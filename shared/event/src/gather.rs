//! Maps and sets out of what an iterator brings. `collect` sorts first, by code that is written anew for every type: four kilobytes each
//! in every deployed function, for some ten items.

use std::collections::{BTreeMap, BTreeSet};

use litemap::LiteMap;

/// What is gathered one by one.
pub trait Gathered<T>: Default {
    /// Adds one; of several with the same key the last one stays.
    fn put(&mut self, one: T);
}

impl<K: Ord, V> Gathered<(K, V)> for BTreeMap<K, V> {
    fn put(&mut self, (key, value): (K, V)) {
        self.insert(key, value);
    }
}

impl<K: Ord> Gathered<K> for BTreeSet<K> {
    fn put(&mut self, one: K) {
        self.insert(one);
    }
}

impl<K: Ord, V> Gathered<(K, V)> for LiteMap<K, V> {
    fn put(&mut self, (key, value): (K, V)) {
        self.insert(key, value);
    }
}

/// [`gather`](Gather::gather) of every iterator.
pub trait Gather: Iterator + Sized {
    /// A map or a set of all there is.
    fn gather<C: Gathered<Self::Item>>(self) -> C {
        let mut all = C::default();
        self.for_each(|one| all.put(one));
        all
    }
}

impl<I: Iterator> Gather for I {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_if_it_were_collected() {
        let all = [(3, "c"), (1, "a"), (3, "d"), (2, "b")];
        let keys = all.iter().map(|(key, _)| *key);
        assert_eq!(all.into_iter().gather::<BTreeMap<_, _>>(), all.into_iter().collect());
        assert_eq!(all.into_iter().gather::<LiteMap<_, _>>(), all.into_iter().collect());
        assert_eq!(keys.clone().gather::<BTreeSet<_>>(), keys.collect());
    }
}
