package io.millrace.model.text.published;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Walks the fields of one protobuf message. Of that format a sentencepiece model uses a handful of
 * fields, so these hundred lines stand in the place of a code generator and its run-time library; a
 * value that nobody takes is passed over, as readers of protobuf do with fields they do not know.
 *
 * @see <a href="https://protobuf.dev/programming-guides/encoding/">the encoding</a>
 */
final class ProtobufFields {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private final ByteBuffer message;
    private int number;
    private int wireType;
    private boolean taken = true;

    /** The message in a buffer's remaining bytes. */
    ProtobufFields(ByteBuffer message) {
        this.message = message.slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** What a message is not. */
    static final class MalformedException extends Exception {
        private static final long serialVersionUID = 1L;

        MalformedException(String what) {
            super(what);
        }
    }

    /** Goes to the next field, if there is one. */
    boolean next() throws MalformedException {
        if (!taken) {
            passOver();
        }
        if (!message.hasRemaining()) {
            return false;
        }
        long tag = rawVarint();
        number = (int) (tag >>> 3);
        wireType = (int) (tag & 7);
        if (number <= 0 || tag >>> 32 != 0) {
            throw new MalformedException("a field has no number");
        }
        taken = false;
        return true;
    }

    /** The field's number. */
    int number() {
        return number;
    }

    /** The field as an integer. */
    long integer() throws MalformedException {
        require(VARINT, "an integer");
        return rawVarint();
    }

    /** The field as a truth value. */
    boolean bool() throws MalformedException {
        return integer() != 0;
    }

    /** The field as a float. */
    float number32() throws MalformedException {
        require(FIXED32, "a float");
        requireBytes(Float.BYTES);
        return message.getFloat();
    }

    /** The field's bytes. */
    ByteBuffer bytes() throws MalformedException {
        require(BYTES, "bytes");
        return rawBytes();
    }

    /** The field as text. */
    String text() throws MalformedException {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes()).toString();
        } catch (CharacterCodingException e) {
            throw new MalformedException("field " + number + " is not UTF-8");
        }
    }

    private void passOver() throws MalformedException {
        switch (wireType) {
            case VARINT -> rawVarint();
            case FIXED64 -> skip(Long.BYTES);
            case BYTES -> rawBytes();
            case FIXED32 -> skip(Integer.BYTES);
            default ->
                    throw new MalformedException("field " + number + " is of no type of protobuf");
        }
    }

    private void skip(int bytes) throws MalformedException {
        requireBytes(bytes);
        message.position(message.position() + bytes);
    }

    private void require(int expected, String what) throws MalformedException {
        if (wireType != expected) {
            throw new MalformedException("field " + number + " is not " + what);
        }
        taken = true;
    }

    private ByteBuffer rawBytes() throws MalformedException {
        long length = rawVarint();
        requireBytes(length);
        ByteBuffer bytes = message.slice(message.position(), (int) length);
        message.position(message.position() + (int) length);
        return bytes;
    }

    private void requireBytes(long length) throws MalformedException {
        if (length < 0 || length > message.remaining()) {
            throw new MalformedException("it ends within field " + number);
        }
    }

    private long rawVarint() throws MalformedException {
        long value = 0;
        for (int shift = 0; shift < Long.SIZE; shift += 7) {
            requireBytes(1);
            byte part = message.get();
            value |= (part & 0x7FL) << shift;
            if (part >= 0) {
                return value;
            }
        }
        throw new MalformedException("an integer has more than 64 bits");
    }
}
