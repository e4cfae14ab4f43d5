const LEFT_OPEN_AFTER_MS = 15_000;

/** What a test leaves open would keep jest alive for ever: it fails the run instead, and says what it is. The timer itself keeps nothing alive. */
export default () => {
  setTimeout(() => {
    console.error(`The tests have ended, but something is still open: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, LEFT_OPEN_AFTER_MS).unref();
};
