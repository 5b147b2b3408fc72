package io.millrace.model.text.published;

import io.millrace.memory.BadInputException;
import io.millrace.model.config.SideFile;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A byte-pair vocabulary in two files.
 *
 * @param vocab the id of each token, as {@code vocab.json} has it
 * @param merges pairs in order of rank, as {@code merges.txt} has them
 */
record MergeFiles(Map<String, Integer> vocab, List<List<String>> merges) {
    static final String VOCAB = "vocab.json";
    static final String MERGES = "merges.txt";

    private static final long MAX_BYTES = 64L << 20;
    private static final String MEND = "copy the file again from the original model";

    static MergeFiles read(Path modelDir) {
        Path vocabFile = modelDir.resolve(VOCAB);
        Map<String, Integer> vocab = new LinkedHashMap<>();
        SideFile.stream(
                vocabFile, MAX_BYTES, MEND, (token, id) -> vocab.put(token, id(id.scalar())));
        if (vocab.isEmpty()) {
            throw new BadInputException(vocabFile.toString(), "has no token", MEND);
        }
        return new MergeFiles(vocab, merges(modelDir.resolve(MERGES), vocab));
    }

    private static int id(Object value) {
        if (value instanceof Long id && id >= 0 && id < Integer.MAX_VALUE) {
            return id.intValue();
        }
        throw new JsonFormatException("it holds " + value + " where an id should be");
    }

    private static List<List<String>> merges(Path file, Map<String, Integer> vocab) {
        List<String> lines;
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new BadInputException(
                        file.toString(), "has more than " + MAX_BYTES + " bytes", MEND);
            }
            lines = Files.readAllLines(file);
        } catch (CharacterCodingException e) {
            throw new BadInputException(file.toString(), "it is not UTF-8", MEND);
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "it cannot be read: " + e, "check its permissions");
        }
        List<List<String>> merges = new ArrayList<>(lines.size());
        for (int number = 1; number <= lines.size(); number++) {
            String line = lines.get(number - 1);
            if (line.startsWith("#version") || (line.isEmpty() && number == lines.size())) {
                continue;
            }
            int space = line.indexOf(' ');
            boolean isPair = space > 0 && space < line.length() - 1;
            if (!isPair || line.indexOf(' ', space + 1) >= 0) {
                throw badLine(file, number, "is not a pair of tokens");
            }
            List<String> pair = List.of(line.substring(0, space), line.substring(space + 1));
            for (String token : List.of(pair.get(0), pair.get(1), pair.get(0) + pair.get(1))) {
                if (!vocab.containsKey(token)) {
                    throw badLine(
                            file,
                            number,
                            "needs the token '" + token + "', which " + VOCAB + " does not have");
                }
            }
            merges.add(pair);
        }
        return merges;
    }

    private static BadInputException badLine(Path file, int number, String what) {
        return new BadInputException(
                file + ":" + number,
                what,
                "copy " + VOCAB + " and " + MERGES + " again from the original model");
    }
}
