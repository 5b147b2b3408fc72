package io.millrace.telemetry.track;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * The few messages of TensorBoard's protocol buffers that scalars need, by hand: {@code
 * tensorflow.Event} (wall_time 1, step 2, file_version 3, summary 5), {@code Summary} (value 1) and
 * {@code Summary.Value} (tag 1, simple_value 2). See tensorflow/core/util/event.proto and
 * framework/summary.proto.
 */
final class EventMessage {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private static final int WALL_TIME = 1;
    private static final int STEP = 2;
    private static final int FILE_VERSION = 3;
    private static final int SUMMARY = 5;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream(512);

    private EventMessage() {}

    /** The first record of a file. */
    static byte[] version(double wallTime) {
        EventMessage event = new EventMessage();
        event.fixed64(WALL_TIME, Double.doubleToRawLongBits(wallTime));
        event.bytes(FILE_VERSION, "brain.Event:2".getBytes(StandardCharsets.UTF_8));
        return event.out.toByteArray();
    }

    /**
     * Scalars of a step.
     *
     * @param wallTime seconds since 1970
     */
    static byte[] scalars(double wallTime, long step, Map<String, Double> scalars) {
        EventMessage summary = new EventMessage();
        scalars.forEach((tag, scalar) -> {
            EventMessage value = new EventMessage();
            value.bytes(1, tag.getBytes(StandardCharsets.UTF_8));
            value.fixed32(2, Float.floatToRawIntBits(scalar.floatValue()));
            summary.bytes(1, value.out.toByteArray());
        });
        EventMessage event = new EventMessage();
        event.fixed64(WALL_TIME, Double.doubleToRawLongBits(wallTime));
        event.key(STEP, VARINT);
        event.varint(step);
        event.bytes(SUMMARY, summary.out.toByteArray());
        return event.out.toByteArray();
    }

    /** The step of an event that was written here; 0 where it says none. */
    static long step(byte[] event) {
        ByteBuffer in = ByteBuffer.wrap(event).order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            int key = (int) varint(in);
            if (key >> 3 == STEP) {
                return varint(in);
            }
            switch (key & 7) {
                case VARINT -> varint(in);
                case FIXED64 -> in.getLong();
                case BYTES -> {
                    int length = (int) varint(in);
                    in.position(in.position() + length);
                }
                case FIXED32 -> in.getInt();
                default -> throw new IllegalArgumentException("field " + key + " has no length");
            }
        }
        return 0;
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = in.get();
            value |= (long) (next & 0x7f) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    private void varint(long value) {
        long rest = value;
        while ((rest & ~0x7f) != 0) {
            out.write((int) ((rest & 0x7f) | 0x80));
            rest >>>= 7;
        }
        out.write((int) rest);
    }

    private void key(int field, int form) {
        varint((field << 3) | form);
    }

    private void fixed64(int field, long bits) {
        key(field, FIXED64);
        out.writeBytes(
                ByteBuffer.allocate(Long.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(bits)
                        .array());
    }

    private void fixed32(int field, int bits) {
        key(field, FIXED32);
        out.writeBytes(
                ByteBuffer.allocate(Integer.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(bits)
                        .array());
    }

    private void bytes(int field, byte[] bytes) {
        key(field, BYTES);
        varint(bytes.length);
        out.writeBytes(bytes);
    }
}
