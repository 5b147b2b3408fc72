package io.millrace.model;

import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.UnitFormat;
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
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/** Reads weights in the order of the files, checksums them, and checks that they are numbers. */
final class WeightScanner {
    private final WeightFiles weights;
    private final List<TensorSlot> panels;
    private final Optional<RowChecksums> rows;

    /**
     * A scanner.
     *
     * @param panels rows of tensors that have a checksum of their own
     * @param table that has one of each row
     */
    WeightScanner(WeightFiles weights, List<TensorSlot> panels, Optional<TensorSlot> table) {
        this.weights = weights;
        this.panels = panels;
        rows = table.map(RowChecksums::new);
    }

    WeightScan scan(List<TensorInfo> tensors) {
        Map<String, Integer> checksums = new TreeMap<>(ModelLayout.BYTEWISE);
        Map<String, TensorInfo> byName = new TreeMap<>(ModelLayout.BYTEWISE);
        List<Piece> fileOrder =
                tensors.stream()
                        .flatMap(WeightScanner::pieces)
                        .sorted(
                                Comparator.comparing((Piece piece) -> piece.info.file())
                                        .thenComparingLong(piece -> piece.info.offsetBytes()))
                        .toList();
        long largest =
                fileOrder.stream().mapToLong(piece -> piece.info.sizeBytes()).max().orElse(0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment staging =
                    arena.allocate(Math.clamp(largest, 1, Checkpoint.STAGING_BYTES), 64);
            for (Piece piece : fileOrder) {
                String name = piece.info.name();
                byName.put(name, piece.info);
                long units = staging.byteSize() / piece.format().unitBytes();
                MemorySegment buffer = staging.asSlice(0, units * piece.format().unitBytes());
                List<Panel> own =
                        panels.stream()
                                .filter(panel -> panel.name().equals(name))
                                .map(Panel::new)
                                .toList();
                checksums.put(name, checksum(piece, buffer, own));
                own.forEach(panel -> checksums.put(panel.slot.label(), panel.value()));
            }
        }
        return new WeightScan(
                fingerprint(byName, checksums),
                checksums,
                rows,
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

    /**
     * What lies in one piece in a file.
     *
     * @param info it
     * @param check what is wrong with some of its units, or nothing
     */
    private record Piece(TensorInfo info, Check check) {
        UnitFormat format() {
            return (UnitFormat) info.format();
        }
    }

    /** Refuses what no weights are made of. */
    private interface Check {
        void run(long first, MemorySegment units);
    }

    private static Stream<Piece> pieces(TensorInfo tensor) {
        if (!(tensor.format() instanceof PackedFormat packed)) {
            UnitFormat format = (UnitFormat) tensor.format();
            // Elements that lie in another order are numbers in this one as well.
            UnitFormat stored = format.stored();
            return Stream.of(
                    new Piece(
                            tensor,
                            (first, units) ->
                                    Checkpoint.checkFinite(tensor, stored, first, units)));
        }
        return IntStream.range(0, tensor.parts().size())
                .mapToObj(part -> {
                    TensorInfo info = tensor.parts().get(part);
                    PartCheck check = new PartCheck(info, packed.parts().get(part));
                    return new Piece(info, check::run);
                });
    }

    private int checksum(Piece piece, MemorySegment buffer, List<Panel> own) {
        TensorInfo tensor = piece.info;
        CRC32C crc = new CRC32C();
        for (long done = 0; done < tensor.sizeBytes(); done += buffer.byteSize()) {
            MemorySegment part =
                    buffer.asSlice(0, Math.min(buffer.byteSize(), tensor.sizeBytes() - done));
            weights.read(tensor, done, part);
            crc.update(part.asByteBuffer());
            long at = done;
            own.forEach(panel -> panel.take(at, part));
            rows.filter(one -> one.table().equals(tensor.name())).ifPresent(one -> one.take(part));
            UnitFormat format = piece.format();
            piece.check.run(done / format.unitBytes() * format.unitElements(), part);
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
