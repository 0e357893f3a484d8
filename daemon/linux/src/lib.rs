//! Clocks, time-stamping sockets and interfaces of Linux: the only unsafe code of utcd.
