package io.millrace.executor;

import io.millrace.prefetch.DurableThrough;
import java.nio.file.Path;

/**
 * Where a run keeps changed blocks that memory does not hold.
 *
 * @param path the store's own folder
 * @param fingerprint of the run that the blocks belong to
 * @param resume whether to go on with what the folder holds; else it is emptied
 * @param journal waited for before a block is written
 */
record StoreFolder(Path path, long fingerprint, boolean resume, DurableThrough journal) {}
