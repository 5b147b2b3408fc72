package io.millrace.model.config;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import io.millrace.telemetry.json.JsonStream;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads the JSON files beside a model's weights. The folder may be anybody's: what one file may
 * take of the heap is bounded, and what is no file of its kind is refused by name.
 */
public final class SideFile {
    /**
     * Bytes of a file that is held whole, some 25 times as much of heap: the largest published one
     * (a tokenizer's configuration with six thousand added tokens) has 1.2 MB.
     */
    public static final long MAX_WHOLE_BYTES = 4L << 20;

    private SideFile() {}

    /**
     * Reads a file that holds one JSON object.
     *
     * @param mend what to do about a file that is not
     * @throws BadInputException when it is missing, too large, unreadable, or anything else
     */
    public static JsonObject read(Path file, String mend) {
        try (InputStream in = open(file, MAX_WHOLE_BYTES, mend)) {
            byte[] bytes = in.readNBytes((int) MAX_WHOLE_BYTES + 1);
            if (bytes.length > MAX_WHOLE_BYTES) {
                throw tooLarge(file, MAX_WHOLE_BYTES, mend);
            }
            return Json.parseObject(
                    StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
        } catch (JsonFormatException e) {
            throw notValid(file, e, mend);
        } catch (IOException e) {
            throw unreadable(file, e, mend);
        }
    }

    /**
     * Reads a file that holds one JSON object without holding it.
     *
     * @param maxBytes the most that a file of this kind has
     * @param mend what to do about a file that is not of this kind
     * @param fields takes the fields
     * @throws BadInputException when it is missing, too large, unreadable, or anything else
     */
    public static void stream(Path file, long maxBytes, String mend, JsonStream.Field fields) {
        try (InputStream in = new BufferedInputStream(open(file, maxBytes, mend), 1 << 16)) {
            JsonStream.read(in, fields);
        } catch (JsonFormatException e) {
            throw notValid(file, e, mend);
        } catch (IOException e) {
            throw unreadable(file, e, mend);
        }
    }

    private static InputStream open(Path file, long maxBytes, String mend) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new BadInputException(
                    file.toString(),
                    Files.exists(file) ? "is not a file" : "there is no such file",
                    mend);
        }
        if (Files.size(file) > maxBytes) {
            throw tooLarge(file, maxBytes, mend);
        }
        return Files.newInputStream(file);
    }

    private static BadInputException tooLarge(Path file, long maxBytes, String mend) {
        return new BadInputException(
                file.toString(),
                "has more than " + maxBytes + " bytes, the most that is read of such a file",
                mend);
    }

    private static BadInputException notValid(Path file, JsonFormatException e, String mend) {
        return new BadInputException(
                file.toString(), "it is not valid JSON: " + e.getMessage(), mend);
    }

    private static BadInputException unreadable(Path file, IOException e, String mend) {
        return e instanceof CharacterCodingException
                ? new BadInputException(file.toString(), "it is not UTF-8", mend)
                : new BadInputException(
                        file.toString(), "it cannot be read: " + e, "check its permissions");
    }
}
