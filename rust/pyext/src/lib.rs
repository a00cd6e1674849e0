//! The extension `nova_spillway._native`: Spillway's core inside Nova's processes.
