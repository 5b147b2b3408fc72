package io.millrace.executor.run;

import io.millrace.executor.config.TaskConfig;
import java.nio.file.Path;

/**
 * Data to look at.
 *
 * @param model whose tokenizer reads it
 * @param data a data file, or a folder of them
 * @param task how an example becomes tokens
 * @param heldOut whether a folder's held-out part is meant, as an evaluation takes it
 */
public record DataRequest(Path model, Path data, TaskConfig task, boolean heldOut) {}
