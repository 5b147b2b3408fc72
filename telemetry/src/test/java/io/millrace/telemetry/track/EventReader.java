package io.millrace.telemetry.track;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads an event file by the descriptions of its formats and by nothing of the writer: any protocol
 * buffer by its numbers, and the CRC bit by bit from its polynomial.
 */
final class EventReader {
    private static final int CASTAGNOLI_REVERSED = 0x82f63b78;

    private EventReader() {}

    /** One event: a version, or scalars by tag. */
    record Event(double wallTime, long step, String version, Map<String, Float> scalars) {}

    static List<Event> read(Path file) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<Event> events = new ArrayList<>();
        while (in.hasRemaining()) {
            byte[] length = new byte[8];
            in.get(length);
            requireCrc(length, in.getInt());
            byte[] data =
                    new byte
                            [Math.toIntExact(
                                    ByteBuffer.wrap(length)
                                            .order(ByteOrder.LITTLE_ENDIAN)
                                            .getLong())];
            in.get(data);
            requireCrc(data, in.getInt());
            events.add(event(data));
        }
        return events;
    }

    private static Event event(byte[] data) {
        Map<Integer, List<Object>> fields = message(data);
        Map<String, Float> scalars = new LinkedHashMap<>();
        for (Object summary : fields.getOrDefault(5, List.of())) {
            for (Object value : message((byte[]) summary).get(1)) {
                Map<Integer, List<Object>> parts = message((byte[]) value);
                scalars.put(text(parts.get(1).getFirst()), (Float) parts.get(2).getFirst());
            }
        }
        return new Event(
                (Double) fields.get(1).getFirst(),
                (Long) fields.getOrDefault(2, List.of(0L)).getFirst(),
                fields.containsKey(3) ? text(fields.get(3).getFirst()) : null,
                scalars);
    }

    private static String text(Object bytes) {
        return new String((byte[]) bytes, StandardCharsets.UTF_8);
    }

    private static Map<Integer, List<Object>> message(byte[] data) {
        ByteBuffer in = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
        Map<Integer, List<Object>> fields = new LinkedHashMap<>();
        while (in.hasRemaining()) {
            long key = varint(in);
            Object value =
                    switch ((int) (key % 8)) {
                        case 0 -> varint(in);
                        case 1 -> in.getDouble();
                        case 2 -> {
                            byte[] bytes = new byte[(int) varint(in)];
                            in.get(bytes);
                            yield bytes;
                        }
                        case 5 -> in.getFloat();
                        default -> throw new IllegalStateException("wire type of key " + key);
                    };
            fields.computeIfAbsent((int) (key / 8), _ -> new ArrayList<>()).add(value);
        }
        return fields;
    }

    private static long varint(ByteBuffer in) {
        int next = in.get() & 0xff;
        return next < 128 ? next : next - 128 + 128 * varint(in);
    }

    private static void requireCrc(byte[] data, int masked) {
        int rotated = masked - 0xa282ead8;
        int crc = rotated << 15 | rotated >>> 17;
        if (crc(data) != crc) {
            throw new IllegalStateException("a record's checksum is another");
        }
    }

    static int crc(byte[] data) {
        int crc = -1;
        for (byte next : data) {
            crc ^= next & 0xff;
            for (int bit = 0; bit < 8; bit++) {
                crc = crc >>> 1 ^ (CASTAGNOLI_REVERSED & -(crc & 1));
            }
        }
        return ~crc;
    }
}
