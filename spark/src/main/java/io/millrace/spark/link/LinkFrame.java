package io.millrace.spark.link;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One message of a stream between two workers: a byte for its kind, then its fields, numbers with
 * the high byte first.
 */
sealed interface LinkFrame {
    /** The guest has its seat. */
    record Welcome() implements LinkFrame {}

    /** The other end is there. */
    record Pulse() implements LinkFrame {}

    /** What a guest says. */
    record Said(Words words) implements LinkFrame {}

    /** What all have said at a call, in order of ranks. */
    record Answer(long call, List<byte[]> all) implements LinkFrame {}

    /** A worker is lost, or says why it goes: nothing more is said. */
    record Lost(int rank, String message) implements LinkFrame {}

    /** A guest goes since its run has ended. */
    record Leave() implements LinkFrame {}

    /** The bytes of a frame. */
    static byte[] encode(LinkFrame frame) {
        return switch (frame) {
            case Welcome _ -> new byte[] {0};
            case Pulse _ -> new byte[] {1};
            case Leave _ -> new byte[] {2};
            case Said said -> {
                byte[] topic = said.words.topic().getBytes(StandardCharsets.UTF_8);
                byte[] bytes = said.words.bytes();
                yield of(3, Long.BYTES + Integer.BYTES + topic.length + bytes.length)
                        .putLong(said.words.call())
                        .putInt(topic.length)
                        .put(topic)
                        .put(bytes)
                        .array();
            }
            case Answer answer -> {
                int length = Long.BYTES + Integer.BYTES;
                for (byte[] one : answer.all) {
                    length = Math.addExact(length, Integer.BYTES + one.length);
                }
                byte[] bytes = new byte[Math.addExact(1, length)];
                ByteBuffer into = ByteBuffer.wrap(bytes).put((byte) 4).putLong(answer.call);
                into.putInt(answer.all.size());
                answer.all.forEach(one -> into.putInt(one.length).put(one));
                yield bytes;
            }
            case Lost lost -> {
                byte[] message = lost.message.getBytes(StandardCharsets.UTF_8);
                yield of(5, Integer.BYTES + message.length).putInt(lost.rank).put(message).array();
            }
        };
    }

    /**
     * The frame of some bytes.
     *
     * @throws IllegalArgumentException where they are none
     */
    static LinkFrame decode(byte[] bytes) {
        ByteBuffer from = ByteBuffer.wrap(bytes);
        try {
            int kind = from.get();
            return switch (kind) {
                case 0 -> new Welcome();
                case 1 -> new Pulse();
                case 2 -> new Leave();
                case 3 -> {
                    long call = from.getLong();
                    String topic = new String(next(from, from.getInt()), StandardCharsets.UTF_8);
                    yield new Said(new Words(call, topic, next(from, from.remaining())));
                }
                case 4 -> {
                    long call = from.getLong();
                    int count = from.getInt();
                    List<byte[]> all = new ArrayList<>();
                    for (int one = 0; one < count; one++) {
                        all.add(next(from, from.getInt()));
                    }
                    yield new Answer(call, all);
                }
                case 5 -> {
                    int rank = from.getInt();
                    String message =
                            new String(next(from, from.remaining()), StandardCharsets.UTF_8);
                    yield new Lost(rank, message);
                }
                default -> throw new IllegalArgumentException("a frame of kind " + kind);
            };
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException("a frame that ends too soon", e);
        }
    }

    private static ByteBuffer of(int kind, int length) {
        return ByteBuffer.allocate(Math.addExact(1, length)).put((byte) kind);
    }

    private static byte[] next(ByteBuffer from, int length) {
        if (length < 0 || length > from.remaining()) {
            throw new IllegalArgumentException("a frame with a field of " + length + " bytes");
        }
        byte[] bytes = new byte[length];
        from.get(bytes);
        return bytes;
    }
}
