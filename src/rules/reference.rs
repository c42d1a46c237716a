//! The reference of attributes, actions and settings.
