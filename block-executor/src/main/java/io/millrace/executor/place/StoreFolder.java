package io.millrace.executor.place;

import io.millrace.memory.nvme.BlockStore;
import io.millrace.prefetch.DurableThrough;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a run keeps changed blocks that memory does not hold.
 *
 * @param path the folder of the store that it would write now
 * @param earlier the folder of the store that a run which goes on has left, here or elsewhere
 * @param identity of the run that the blocks belong to
 * @param lastStep the last step that the run's journal holds: no block may be newer
 * @param record where the run's folder says where its store is
 * @param journal waited for before a block is written
 */
public record StoreFolder(
        Path path,
        Optional<Path> earlier,
        long identity,
        long lastStep,
        StoreRecord record,
        DurableThrough journal) {
    /** Removes the store, the one before it, and what says where they are. */
    public void remove() {
        if (BlockStore.isStore(path)) {
            BlockStore.delete(path);
        }
        earlier.ifPresent(BlockStore::delete);
        record.remove();
    }
}
