package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads a file line by line, strictly as UTF-8, without a byte order mark or carriage returns. */
final class Utf8Lines {
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
    interface Taker {
        /**
         * A line of the file.
         *
         * @param number from 1
         * @param line without its end
         * @param ended whether a line feed follows; only the last line may lack it
         */
        void take(int number, String line, boolean ended);
    }

    static void forEach(Path file, Taker taker) {
        if (!Files.isRegularFile(file)) {
            throw new BadInputException(
                    file.toString(),
                    Files.exists(file) ? "is not a file" : "does not exist",
                    "give the path of a data file");
        }
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            new Utf8Lines(file).read(in, taker);
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "cannot be read (" + e + ")", "check the file's permissions");
        }
    }

    private void read(InputStream in, Taker taker) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int number = 1;
        for (int b = in.read(); b >= 0; b = in.read()) {
            if (b == '\n') {
                taker.take(number, line(number, bytes.toByteArray()), true);
                bytes.reset();
                number++;
            } else {
                bytes.write(b);
            }
        }
        if (bytes.size() > 0) {
            taker.take(number, line(number, bytes.toByteArray()), false);
        }
    }

    private String line(int number, byte[] bytes) {
        boolean carriageReturn = bytes.length > 0 && bytes[bytes.length - 1] == '\r';
        ByteBuffer buffer =
                ByteBuffer.wrap(bytes, 0, carriageReturn ? bytes.length - 1 : bytes.length);
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
