package io.millrace.model.text.row;

import io.millrace.memory.BadInputException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads a file line by line, strictly as UTF-8, without a byte order mark or carriage returns. */
public final class Utf8Lines {
    /**
     * Bytes of a line: as much as the longest text that is encoded in one piece has in ASCII. A
     * line is held a few times over while it is taken apart.
     */
    public static final int MAX_LINE_BYTES = DataLine.MAX_TEXT_CHARS;

    private final Path file;
    private final CharsetDecoder decoder =
            StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT);

    private Utf8Lines(Path file) {
        this.file = file;
    }

    /** Takes a line. */
    @FunctionalInterface
    public interface Taker {
        /**
         * A line of the file.
         *
         * @param number from 1
         * @param line without its end
         * @param ended whether a line feed follows; only the last line may lack it
         */
        void take(int number, String line, boolean ended);
    }

    /** Reads a file, or a pipe, that is not compressed. */
    public static void forEach(Path file, Taker taker) {
        RowInput.of(file).read(in -> forEach(file, in, taker));
    }

    /**
     * Reads what a file holds.
     *
     * @param file for messages
     * @param in its text, closed by the caller
     * @param taker takes each line
     */
    public static void forEach(Path file, InputStream in, Taker taker) throws IOException {
        new Utf8Lines(file).read(new BufferedInputStream(in, 1 << 16), taker);
    }

    private void read(InputStream in, Taker taker) throws IOException {
        byte[] bytes = new byte[1 << 12];
        int length = 0;
        int number = 1;
        for (int b = in.read(); b >= 0; b = in.read()) {
            if (b == '\n') {
                taker.take(number, line(number, bytes, length), true);
                length = 0;
                number++;
            } else {
                if (length == MAX_LINE_BYTES) {
                    throw tooLong(number);
                }
                if (length == bytes.length) {
                    bytes = Arrays.copyOf(bytes, Math.min(2 * length, MAX_LINE_BYTES));
                }
                bytes[length++] = (byte) b;
            }
        }
        if (length > 0) {
            taker.take(number, line(number, bytes, length), false);
        }
    }

    private BadInputException tooLong(int number) {
        return new BadInputException(
                file + ":" + number,
                "the line has more than " + MAX_LINE_BYTES + " bytes",
                "split its text over several lines");
    }

    private String line(int number, byte[] bytes, int length) {
        boolean carriageReturn = length > 0 && bytes[length - 1] == '\r';
        ByteBuffer buffer = ByteBuffer.wrap(bytes, 0, carriageReturn ? length - 1 : length);
        try {
            String line = decoder.decode(buffer).toString();
            return number == 1 && line.startsWith("\uFEFF") ? line.substring(1) : line;
        } catch (CharacterCodingException e) {
            throw new BadInputException(
                    file + ":" + number,
                    "byte " + (buffer.position() + 1) + " of the line is not UTF-8",
                    "save the file as UTF-8");
        }
    }
}
