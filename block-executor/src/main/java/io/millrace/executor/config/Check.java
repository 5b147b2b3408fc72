package io.millrace.executor.config;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Option;

/** What no option can see alone; each check names the option as a person types it. */
final class Check {
    private Check() {}

    static void that(boolean holds, Option<?> option, String what, String mend) {
        if (!holds) {
            throw new BadInputException(option.spelled(), what, mend);
        }
    }
}
