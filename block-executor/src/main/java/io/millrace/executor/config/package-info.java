/**
 * What a run is asked to do, as records that hold only what makes sense: every compact constructor
 * checks its fields and answers a {@link io.millrace.memory.BadInputException} that names the
 * option and the mend. The command line fills them in; nothing else reads flags.
 */
package io.millrace.executor.config;
