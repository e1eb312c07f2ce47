//! A global secondary index: sparse, projected, and late.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use ambient::Instant;

use super::item::{Item, Kept, Key, KeyPart};

/// Which attributes an index holds beside its own keys and the table's.
#[derive(Clone, Debug)]
pub(super) enum Projection {
    All,
    These(Vec<String>),
}

/// Where an item stands in a partition.
type Place = (KeyPart, Key);

/// What an index holds of an item: its partition, its sort key there, and what is projected.
type Entry = (KeyPart, KeyPart, Kept);

#[derive(Debug)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) hash: String,
    pub(super) range: String,
    pub(super) table_keys: Vec<String>,
    projection: Projection,
    view: BTreeMap<KeyPart, BTreeMap<Place, Kept>>,
    places: HashMap<Key, (KeyPart, Place)>,
    /// Changes on their way, by when they arrive.
    coming: BTreeMap<(Instant, u64), (Key, Option<Entry>)>,
    /// When the last change of an item that is on its way arrives: its changes keep their order.
    last: HashMap<Key, Instant>,
    count: u64,
}

impl Index {
    pub(super) fn new(name: &str, hash: String, range: String, projection: Projection) -> Self {
        Self {
            name: name.to_owned(),
            hash,
            range,
            table_keys: Vec::new(),
            projection,
            view: BTreeMap::new(),
            places: HashMap::new(),
            coming: BTreeMap::new(),
            last: HashMap::new(),
            count: 0,
        }
    }

    /// An index key of the wrong type, or an empty one, makes the table refuse the item.
    pub(super) fn sound(&self, item: &Item, numbers: &HashSet<String>) -> Result<(), String> {
        for name in [&self.hash, &self.range] {
            let fits = |part: KeyPart| numbers.contains(name) == matches!(part, KeyPart::N(_));
            if item.get(name).is_some_and(|value| !KeyPart::of(value).is_some_and(fits)) {
                return Err(format!("the index key {name} is empty or of another type"));
            }
        }
        Ok(())
    }

    pub(super) fn follow(&mut self, key: &Key, new: Option<(&Item, &Kept)>, now: Instant, lag: Duration) {
        let new = new.and_then(|(item, kept)| self.entry(item, kept));
        let before = self.last.get(key).copied();
        if lag.is_zero() && before.is_none() {
            self.apply(key, new);
            return;
        }
        let at = (now + lag).max(before.unwrap_or(now));
        self.count += 1;
        self.last.insert(key.clone(), at);
        self.coming.insert((at, self.count), (key.clone(), new));
    }

    fn entry(&self, item: &Item, kept: &Kept) -> Option<Entry> {
        let part = |name: &str| item.get(name).and_then(KeyPart::of);
        let (hash, range) = part(&self.hash).zip(part(&self.range))?;
        let projected = match &self.projection {
            Projection::All => kept.clone(),
            Projection::These(names) => {
                let keys = [&self.hash, &self.range].into_iter().chain(&self.table_keys);
                let held = |name: &String| names.contains(name) || keys.clone().any(|key| key == name);
                let some = item.iter().filter(|(name, _)| held(name));
                Kept::of(&some.map(|(name, value)| (name.clone(), value.clone())).collect())
            }
        };
        Some((hash, range, projected))
    }

    fn apply(&mut self, key: &Key, new: Option<Entry>) {
        if let Some((hash, place)) = self.places.remove(key)
            && let Some(partition) = self.view.get_mut(&hash)
        {
            partition.remove(&place);
        }
        let Some((hash, range, projected)) = new else { return };
        let place = (range, key.clone());
        self.places.insert(key.clone(), (hash.clone(), place.clone()));
        self.view.entry(hash).or_default().insert(place, projected);
    }

    pub(super) fn catch_up(&mut self, now: Instant) {
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), (key, new)) = entry.remove_entry();
            if self.last.get(&key) == Some(&at) {
                self.last.remove(&key);
            }
            self.apply(&key, new);
        }
    }

    pub(super) fn is_settled(&mut self, now: Instant) -> bool {
        self.catch_up(now);
        self.coming.is_empty()
    }

    pub(super) fn partition(&self, hash: &KeyPart) -> impl DoubleEndedIterator<Item = (&Place, Item)> {
        let all = self.view.get(hash).into_iter().flat_map(|partition| partition.iter());
        all.map(|(place, kept)| (place, kept.item()))
    }
}
