// Preloaded into Azurite: stops it in order (its data saved) when the process that started it is gone.
process.stdin.on("error", () => {}).on("close", () => process.kill(process.pid, "SIGTERM")).resume();
process.stdin.unref?.();
