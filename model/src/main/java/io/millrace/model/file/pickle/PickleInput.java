package io.millrace.model.file.pickle;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** The operands of opcodes: little-endian numbers and strings of bounded length. */
final class PickleInput {
    /** Names have up to a few hundred characters; nothing else that counts is a string. */
    private static final int MAX_TEXT_BYTES = 1 << 16;

    private static final int MAX_LINE_CHARS = 256;

    private final InputStream in;
    private final ByteBuffer number = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

    PickleInput(InputStream in) {
        this.in = in;
    }

    int u8() throws IOException {
        int read = in.read();
        if (read < 0) {
            throw new EOFException();
        }
        return read;
    }

    int u16() throws IOException {
        return u8() | (u8() << Byte.SIZE);
    }

    int i32() throws IOException {
        return fill(4).getInt(0);
    }

    double bigEndianDouble() throws IOException {
        return fill(8).order(ByteOrder.BIG_ENDIAN).getDouble(0);
    }

    private ByteBuffer fill(int bytes) throws IOException {
        if (in.readNBytes(number.array(), 0, bytes) < bytes) {
            throw new EOFException();
        }
        return number.order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A number of some bytes in two's complement; no count takes more than eight. */
    long longOf(int bytes) throws IOException {
        if (bytes > Long.BYTES) {
            throw new PickleFormatException("has a number of " + bytes + " bytes");
        }
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (long) u8() << (Byte.SIZE * i);
        }
        int unused = Long.SIZE - Byte.SIZE * bytes;
        return bytes == 0 ? 0 : value << unused >> unused;
    }

    String text(long bytes) throws IOException {
        if (bytes < 0 || bytes > MAX_TEXT_BYTES) {
            throw new PickleFormatException(
                    "has a string of " + bytes + " bytes where at most 65536 are read");
        }
        byte[] text = in.readNBytes((int) bytes);
        if (text.length < bytes) {
            throw new EOFException();
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text)).toString();
        } catch (CharacterCodingException e) {
            throw new PickleFormatException("has a string that is not UTF-8");
        }
    }

    /** Characters up to a line feed. */
    String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int read = u8(); read != '\n'; read = u8()) {
            if (line.length() == MAX_LINE_CHARS) {
                throw new PickleFormatException("asks for a name of more than 256 characters");
            }
            // What is no letter of a name must not reach a terminal.
            line.append(read > ' ' && read < 0x7F ? (char) read : '?');
        }
        return line.toString();
    }
}
