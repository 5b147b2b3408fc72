package io.millrace.model;

import io.millrace.memory.TensorFormat;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFiles;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/** Reads weights in the order of the files, checksums them, and checks that they are numbers. */
final class WeightScanner {
    private final WeightFiles weights;

    WeightScanner(WeightFiles weights) {
        this.weights = weights;
    }

    WeightScan scan(List<TensorInfo> tensors) {
        Map<String, Integer> checksums = new TreeMap<>(ModelLayout.BYTEWISE);
        Map<String, TensorInfo> byName = new TreeMap<>(ModelLayout.BYTEWISE);
        List<TensorInfo> fileOrder =
                tensors.stream()
                        .sorted(
                                Comparator.comparing(TensorInfo::file)
                                        .thenComparingLong(TensorInfo::offsetBytes))
                        .toList();
        long largest = tensors.stream().mapToLong(TensorInfo::sizeBytes).max().orElse(0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment staging =
                    arena.allocate(Math.clamp(largest, 1, Checkpoint.STAGING_BYTES), 64);
            for (TensorInfo tensor : fileOrder) {
                byName.put(tensor.name(), tensor);
                long units = staging.byteSize() / tensor.format().unitBytes();
                MemorySegment buffer = staging.asSlice(0, units * tensor.format().unitBytes());
                checksums.put(tensor.name(), checksum(tensor, buffer));
            }
        }
        return new WeightScan(
                fingerprint(byName, checksums),
                checksums,
                tensors.stream().mapToLong(TensorInfo::sizeBytes).sum());
    }

    private int checksum(TensorInfo tensor, MemorySegment buffer) {
        CRC32C crc = new CRC32C();
        for (long done = 0; done < tensor.sizeBytes(); done += buffer.byteSize()) {
            MemorySegment part =
                    buffer.asSlice(0, Math.min(buffer.byteSize(), tensor.sizeBytes() - done));
            weights.read(tensor, done, part);
            crc.update(part.asByteBuffer());
            TensorFormat format = tensor.format();
            long first = done / format.unitBytes() * format.unitElements();
            Checkpoint.checkFinite(tensor, format, first, part);
        }
        return (int) crc.getValue();
    }

    private static String fingerprint(
            Map<String, TensorInfo> tensors, Map<String, Integer> checksums) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            tensors.forEach((name, tensor) -> {
                String line =
                        String.format(
                                "%s %s %s %08x\n",
                                name, tensor.format().name(), tensor.shape(), checksums.get(name));
                digest.update(line.getBytes(StandardCharsets.UTF_8));
            });
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
