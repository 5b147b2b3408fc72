package io.millrace.model.hub;

import java.io.IOException;
import java.time.Duration;

/**
 * Tries what may go wrong on its way, with longer and longer pauses.
 *
 * @param patience what is waited before the second try
 */
record Tries(HubSettings.Patience patience) {
    static final int MOST = 5;

    /** What is tried. */
    interface Attempt<T> {
        T make() throws IOException;
    }

    /** The answer of the first attempt that has one; the last one's failure where none has. */
    <T> T of(Attempt<T> attempt) throws IOException {
        Duration wait = patience.beforeRetry();
        for (int tries = 1; ; tries++) {
            try {
                return attempt.make();
            } catch (IOException e) {
                if (tries == MOST || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
            }
            HubSettings.Patience.pause(wait);
            wait = wait.multipliedBy(2);
        }
    }
}
