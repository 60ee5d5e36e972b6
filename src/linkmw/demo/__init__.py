"""`make demo`: the real parts, the hub and three products side by side; the stage that the browser tests play on."""
