package io.millrace.executor.place;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.memory.nvme.io.FileIo;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;

/**
 * The block store of a run in all the states that a stop may have left it in: none, one here, one
 * on another drive, one that is damaged, one that a run with room for everything needs only to
 * begin.
 */
final class RunStore {
    private static final System.Logger LOG = System.getLogger(RunStore.class.getName());

    private RunStore() {}

    /**
     * Sizes of blocks.
     *
     * @param blocks bytes of each
     * @param heads bytes of the weights at its beginning
     */
    record Sizes(List<Long> blocks, List<Long> heads) {}

    /**
     * Opens the store that a run writes. What an earlier one elsewhere holds is brought over, and
     * that one removed.
     *
     * @param io drives the store's files; outlives it
     * @param drives finds the same for an earlier store
     * @param host where its few pages come from
     * @param sizes of the blocks
     * @throws BadInputException where what is there belongs to another run, or is newer than the
     *     journal
     */
    static BlockStore open(
            StoreFolder folder, FileIo io, Drives drives, HostMemory host, Sizes sizes) {
        boolean here =
                folder.earlier()
                        .filter(place -> StoreRecord.isSame(place, folder.path()))
                        .isPresent();
        if (here) {
            Optional<BlockStore> left = reopen(folder, folder.path(), io, host, sizes);
            if (left.isPresent()) {
                return left.get();
            }
        }
        // Whenever a kill comes, the record names every store that there may be.
        folder.record().write(folder.earlier(), List.of(folder.path()));
        BlockStore.delete(folder.path());
        makeFolder(folder.path());
        BlockStore store = BlockStore.open(config(folder, folder.path(), sizes), io, host);
        try {
            folder.record().writeOwner(folder.path(), folder.identity());
            if (!here) {
                bringOver(folder, store, drives, host);
            }
            Optional<Path> left =
                    folder.earlier().filter(place -> !StoreRecord.isSame(place, folder.path()));
            folder.record().write(Optional.of(folder.path()), left.stream().toList());
            left.ifPresent(BlockStore::delete);
            folder.record().write(Optional.of(folder.path()), List.of());
            return store;
        } catch (RuntimeException | Error e) {
            store.close();
            throw e;
        }
    }

    /** Opens a store that a stop has left; empty, with a word, where it is too damaged for that. */
    static Optional<BlockStore> reopen(
            StoreFolder folder, Path place, FileIo io, HostMemory host, Sizes sizes) {
        BlockStore store;
        try {
            store = BlockStore.open(config(folder, place, sizes), io, host);
        } catch (CorruptDataException e) {
            LOG.log(
                    Level.WARNING,
                    e.getMessage() + "; the run rebuilds its blocks from base and journal");
            return Optional.empty();
        }
        for (int block = 0; block < sizes.blocks().size(); block++) {
            if (store.version(block) > folder.lastStep()) {
                long version = store.version(block);
                store.close();
                throw new BadInputException(
                        place.toString(),
                        "holds block "
                                + block
                                + " as of step "
                                + version
                                + ", and the journal ends with step "
                                + folder.lastStep(),
                        "restore the newer journal, or remove this folder to go on without it");
            }
        }
        return Optional.of(store);
    }

    /** The drive that a folder is on. */
    @FunctionalInterface
    interface Drives {
        /** Whoever asks owns it. */
        FileIo at(Path folder);
    }

    private static void bringOver(
            StoreFolder folder, BlockStore store, Drives drives, HostMemory host) {
        if (folder.earlier().isEmpty()) {
            return;
        }
        long largest =
                sizes(store).blocks().stream().mapToLong(HostMemory::pageBytes).max().orElseThrow();
        try (Earlier earlier = Earlier.open(folder, drives, sizes(store));
                HostSlab slab = host.allocatePinned("a block that moves", largest)) {
            for (int block = 0; block < store.blockCount(); block++) {
                if (earlier.holds(block)) {
                    move(earlier.store().orElseThrow(), block, slab, store);
                }
            }
            store.sync();
        }
    }

    private static void move(BlockSource from, int block, HostSlab slab, BlockStore to) {
        try {
            long version = from.read(block, slab.segment());
            to.write(block, slab.segment(), version);
        } catch (CorruptDataException e) {
            LOG.log(
                    Level.WARNING,
                    e.getMessage() + "; rebuilding block " + block + " from base and journal");
        }
    }

    private static Sizes sizes(BlockStore store) {
        return new Sizes(each(store, store::blockBytes), each(store, store::headBytes));
    }

    private static List<Long> each(BlockStore store, IntToLongFunction bytes) {
        return IntStream.range(0, store.blockCount()).mapToObj(bytes::applyAsLong).toList();
    }

    private static StoreConfig config(StoreFolder folder, Path place, Sizes sizes) {
        return StoreConfig.of(place, sizes.blocks(), folder.identity()).withHeads(sizes.heads());
    }

    /**
     * A store that is only read, where it was left, until the run has saved what it needs of it. It
     * counts against no budget: a run that has room for everything soon removes it.
     *
     * @param store the store; empty where there is none that is whole
     */
    record Earlier(Optional<FileIo> io, Optional<BlockStore> store) implements AutoCloseable {
        static Earlier open(StoreFolder folder, Drives drives, Sizes sizes) {
            if (folder.earlier().isEmpty()) {
                return new Earlier(Optional.empty(), Optional.empty());
            }
            Path place = folder.earlier().get();
            FileIo io = drives.at(place);
            try {
                HostMemory pages = new HostMemory(Ledger.unlimited());
                return new Earlier(Optional.of(io), reopen(folder, place, io, pages, sizes));
            } catch (RuntimeException | Error e) {
                io.close();
                throw e;
            }
        }

        boolean holds(int block) {
            return store.filter(one -> one.has(block)).isPresent();
        }

        @Override
        public void close() {
            FileIo ioOrNull = io.orElse(null);
            BlockStore storeOrNull = store.orElse(null);
            try (ioOrNull;
                    storeOrNull) {
                // The store before its drive.
            }
        }
    }

    /** Makes a folder for a store, or for the probe of a drive. */
    static Path makeFolder(Path folder) {
        try {
            return Files.createDirectories(folder);
        } catch (IOException e) {
            throw new BadInputException(
                    "--nvme-dir",
                    folder + " cannot be made (" + e.getMessage() + ")",
                    "give a folder on a drive that can be written");
        }
    }
}
