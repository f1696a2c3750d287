//! Ranking and electing tags: their order, the gate, ages, and explicit images.

pub(crate) mod age;
pub(crate) mod elect;
pub(crate) mod examine;
pub(crate) mod explicit_image;
pub(crate) mod gate;
pub(crate) mod pin;
pub(crate) mod rank;
pub(crate) mod refused;
pub(crate) mod times;
