//! Sessions for warp.
