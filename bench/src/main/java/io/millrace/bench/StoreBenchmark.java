package io.millrace.bench;

import io.millrace.memory.ByteSize;
import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.BlockRead;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.BlockWrite;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The block store's bandwidth beside fio's in the same folder: io_uring, O_DIRECT, 4 MiB. Both are
 * run in turns, since a drive's rate drifts; the ratio is that of the medians. fio reads the
 * store's own file, so that both read the same extents.
 *
 * <pre>
 *   StoreBenchmark FOLDER [--total SIZE] [--block SIZE] [--piece SIZE] [--depth N] [--rounds N]
 * </pre>
 */
public final class StoreBenchmark {
    private static final int FIO_BLOCK = 4 << 20;

    private final Path folder;
    private final long totalBytes;
    private final long blockBytes;
    private final IoOptions options;
    private final int rounds;
    private final Map<String, List<Double>> rates = new LinkedHashMap<>();

    private StoreBenchmark(Path folder, Map<String, String> given) {
        this.folder = folder;
        totalBytes = ByteSize.parse(given.getOrDefault("--total", "2GiB"));
        blockBytes = ByteSize.parse(given.getOrDefault("--block", "128MiB"));
        IoOptions usual = IoOptions.defaults();
        options =
                usual.withPieces(
                        Math.toIntExact(
                                ByteSize.parse(
                                        given.getOrDefault("--piece", usual.pieceBytes() + "B"))),
                        Integer.parseInt(given.getOrDefault("--depth", usual.depth() + "")));
        rounds = Integer.parseInt(given.getOrDefault("--rounds", "5"));
    }

    /** Runs it and prints one JSON object. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Map<String, String> given = new LinkedHashMap<>();
        for (int i = 1; i + 1 < arguments.length; i += 2) {
            given.put(arguments[i], arguments[i + 1]);
        }
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        System.out.print(Json.writePretty(new StoreBenchmark(folder, given).run()));
    }

    private Map<String, Object> run() throws IOException, InterruptedException {
        int blocks = Math.toIntExact(totalBytes / blockBytes);
        HostMemory memory = new HostMemory(Ledger.unlimited());
        Path storeFolder = Files.createDirectories(folder.resolve("store"));
        StoreConfig config =
                new StoreConfig(storeFolder, Collections.nCopies(blocks, blockBytes), 1, 0);
        Path fioFile = folder.resolve("fio.dat");
        Map<String, Object> result = new LinkedHashMap<>();
        try (FileIo io = FileIo.open(storeFolder, options);
                BlockStore store = BlockStore.open(config, io, memory);
                HostSlab slab = memory.allocatePinned("two blocks", 2 * blockBytes)) {
            result.put("path", io.path().describe());
            fillRandomly(slab);
            writeAll(store, slab, 1); // the first pass meets blocks that were never written
            fio("write", fioFile);
            for (int round = 0; round < rounds; round++) {
                note("store_write", writeAll(store, slab, round + 2L));
                note("fio_write", fio("write", fioFile));
                note("store_read", readAll(store, slab));
                note("fio_read", fio("read", storeFolder.resolve("blocks.dat")));
            }
        } finally {
            Files.deleteIfExists(fioFile);
            BlockStore.delete(storeFolder);
        }
        result.put("piece_bytes", options.pieceBytes());
        result.put("depth", options.depth());
        result.put("block_bytes", blockBytes);
        result.put("total_bytes", totalBytes);
        result.put("bytes_per_second", rates);
        result.put("read_ratio", median("store_read") / median("fio_read"));
        result.put("write_ratio", median("store_write") / median("fio_write"));
        return result;
    }

    private static void fillRandomly(HostSlab slab) {
        SplittableRandom random = new SplittableRandom(1);
        for (long at = 0; at < slab.sizeBytes(); at += Long.BYTES) {
            slab.segment().set(java.lang.foreign.ValueLayout.JAVA_LONG, at, random.nextLong());
        }
    }

    private double writeAll(BlockStore store, HostSlab slab, long version) {
        long begin = System.nanoTime();
        try (BlockWrite first = store.newWrite();
                BlockWrite second = store.newWrite()) {
            BlockWrite[] writes = {first, second};
            for (int block = 0; block < store.blockCount(); block++) {
                if (block >= 2) {
                    writes[block % 2].await();
                }
                writes[block % 2].start(block, half(slab, block), version);
            }
            writes[store.blockCount() % 2].await();
            writes[(store.blockCount() + 1) % 2].await();
            store.sync();
        }
        return totalBytes / ((System.nanoTime() - begin) / 1e9);
    }

    private double readAll(BlockStore store, HostSlab slab) {
        long begin = System.nanoTime();
        try (BlockRead first = store.newRead();
                BlockRead second = store.newRead()) {
            BlockRead[] reads = {first, second};
            for (int block = 0; block < store.blockCount(); block++) {
                if (block >= 2) {
                    reads[block % 2].await();
                }
                reads[block % 2].start(block, half(slab, block));
            }
            reads[store.blockCount() % 2].await();
            reads[(store.blockCount() + 1) % 2].await();
        }
        return totalBytes / ((System.nanoTime() - begin) / 1e9);
    }

    private java.lang.foreign.MemorySegment half(HostSlab slab, int block) {
        return slab.segment().asSlice(block % 2 * blockBytes, blockBytes);
    }

    private double fio(String mode, Path file) throws IOException, InterruptedException {
        List<String> command =
                List.of(
                        "fio",
                        "--name=peer",
                        "--filename=" + file,
                        "--size=" + totalBytes,
                        "--rw=" + mode,
                        "--bs=" + FIO_BLOCK,
                        "--direct=1",
                        "--overwrite=1", // of the same extents, as the store does
                        "--allow_file_create=1",
                        "--ioengine=io_uring",
                        "--iodepth=4",
                        "--output-format=json");
        Process fio = new ProcessBuilder(command).start();
        String said = new String(fio.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (fio.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + " failed: " + said);
        }
        JsonObject job =
                JsonObject.of(
                        (Map<?, ?>)
                                Json.parseObject(said.substring(said.indexOf('{')))
                                        .array("jobs")
                                        .getFirst());
        double milliseconds = job.object(mode).number("runtime");
        return totalBytes / (milliseconds / 1e3);
    }

    private void note(String what, double bytesPerSecond) {
        rates.computeIfAbsent(what, missing -> new ArrayList<>()).add(bytesPerSecond);
    }

    private double median(String what) {
        double[] sorted = rates.get(what).stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
