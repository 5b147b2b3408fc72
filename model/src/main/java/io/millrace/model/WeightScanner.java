package io.millrace.model;

import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorSlot;
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
    private final List<TensorSlot> panels;

    /**
     * A scanner.
     *
     * @param panels rows of tensors that have a checksum of their own
     */
    WeightScanner(WeightFiles weights, List<TensorSlot> panels) {
        this.weights = weights;
        this.panels = panels;
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
                List<Panel> own =
                        panels.stream()
                                .filter(panel -> panel.name().equals(tensor.name()))
                                .map(Panel::new)
                                .toList();
                checksums.put(tensor.name(), checksum(tensor, buffer, own));
                own.forEach(panel -> checksums.put(panel.slot.label(), panel.value()));
            }
        }
        return new WeightScan(
                fingerprint(byName, checksums),
                checksums,
                tensors.stream().mapToLong(TensorInfo::sizeBytes).sum());
    }

    /** Rows of a tensor, and the checksum of what of them was read. */
    private record Panel(TensorSlot slot, CRC32C crc) {
        Panel(TensorSlot slot) {
            this(slot, new CRC32C());
        }

        /** Takes what it has of a part that begins at a byte of the tensor. */
        void take(long first, MemorySegment part) {
            long from = Math.max(first, slot.firstByte());
            long to = Math.min(first + part.byteSize(), slot.firstByte() + slot.sizeBytes());
            if (from < to) {
                crc.update(part.asSlice(from - first, to - from).asByteBuffer());
            }
        }

        int value() {
            return (int) crc.getValue();
        }
    }

    private int checksum(TensorInfo tensor, MemorySegment buffer, List<Panel> own) {
        CRC32C crc = new CRC32C();
        for (long done = 0; done < tensor.sizeBytes(); done += buffer.byteSize()) {
            MemorySegment part =
                    buffer.asSlice(0, Math.min(buffer.byteSize(), tensor.sizeBytes() - done));
            weights.read(tensor, done, part);
            crc.update(part.asByteBuffer());
            long at = done;
            own.forEach(panel -> panel.take(at, part));
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
