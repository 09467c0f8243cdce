//! Which slots of the slot file are in use.

/// The first slots, which are not used.
pub(super) const HEADER_SLOTS: u32 = 2;
/// The file grows before it has fewer free slots than these, so that requests rarely wait for that.
const EARLY_SLOTS: usize = 4096;

/// Which slots are in use.
pub(super) struct SlotMap {
    /// One bit per slot, set while the slot is reserved or named by a record.
    used: Vec<u64>,
    /// No word before this one has a free slot.
    first_free_word: usize,
    pub(super) free: usize,
    /// See [`crate::store::payload_keys::PayloadKeys::grow_early`].
    pub(super) grow_below: usize,
}

impl SlotMap {
    /// A map of 64 slots for each of the `words`, of which only the header is in use.
    pub(super) fn new(words: usize) -> Self {
        let mut map =
            Self { used: Vec::new(), first_free_word: 0, free: 0, grow_below: EARLY_SLOTS };
        map.add(words);
        map
    }

    pub(super) fn add(&mut self, words: usize) {
        self.used.resize(self.used.len() + words, 0);
        self.free += words * 64;
        self.grow_below = EARLY_SLOTS;
        (0..HEADER_SLOTS).for_each(|slot| self.set_used(slot));
    }

    pub(super) fn take(&mut self) -> Option<u32> {
        let (index, word) = (self.used.iter().enumerate().skip(self.first_free_word))
            .find(|(_, word)| **word != u64::MAX)?;
        let slot = u32::try_from(index * 64).ok()? + word.trailing_ones();
        self.first_free_word = index;
        self.set_used(slot);
        Some(slot)
    }

    pub(super) fn free(&mut self, slot: u32) {
        let (index, bit) = place(slot);
        if let Some(word) = self.used.get_mut(index).filter(|word| **word & bit != 0) {
            *word &= !bit;
            self.free += 1;
            self.first_free_word = self.first_free_word.min(index);
        }
    }

    pub(super) fn set_used(&mut self, slot: u32) {
        let (index, bit) = place(slot);
        if let Some(word) = self.used.get_mut(index).filter(|word| **word & bit == 0) {
            *word |= bit;
            self.free -= 1;
        }
    }

    pub(super) fn capacity(&self) -> u32 {
        u32::try_from(self.used.len() * 64).unwrap_or(u32::MAX)
    }
}

fn place(slot: u32) -> (usize, u64) {
    (slot as usize / 64, 1 << (slot % 64))
}
