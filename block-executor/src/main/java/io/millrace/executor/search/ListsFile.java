package io.millrace.executor.search;

import io.millrace.executor.config.Seeds;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.optim.mask.BaseWeights;
import io.millrace.optim.mask.MaskFile;
import io.millrace.optim.option.OptionTypes;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes what was chosen as a {@link MaskFile}. */
final class ListsFile {
    private ListsFile() {}

    /**
     * Writes it.
     *
     * @param config what was asked for; the file says so
     * @param base fingerprint of the weights that it is of
     * @param tensors in order of their places
     * @param top the chosen places
     * @return the tensors with any
     */
    static List<SensitiveResult.Chosen> write(
            SensitiveConfig config, String base, List<BaseWeights.Tensor> tensors, TopScores top) {
        long[] places = top.places();
        Map<SafetensorsWriter.Entry, MemorySegment> lists = new LinkedHashMap<>();
        List<SensitiveResult.Chosen> chosen = new ArrayList<>();
        int from = 0;
        long first = 0;
        for (BaseWeights.Tensor tensor : tensors) {
            int to = from;
            while (to < places.length && places[to] < first + tensor.elements()) {
                places[to++] -= first;
            }
            if (to > from) {
                long[] list = Arrays.copyOfRange(places, from, to);
                boolean small = tensor.elements() - 1 <= Integer.MAX_VALUE;
                lists.put(
                        new SafetensorsWriter.Entry(
                                tensor.name() + MaskFile.SUFFIX,
                                small ? DType.I32 : DType.I64,
                                List.of((long) list.length)),
                        small
                                ? MemorySegment.ofArray(
                                        Arrays.stream(list).mapToInt(Math::toIntExact).toArray())
                                : MemorySegment.ofArray(list));
                chosen.add(
                        new SensitiveResult.Chosen(tensor.name(), list.length, tensor.elements()));
            }
            from = to;
            first += tensor.elements();
        }
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(
                        config.out(), metadata(config, base), List.copyOf(lists.keySet()))) {
            lists.forEach((entry, list) -> writer.write(entry.name(), list));
            writer.commit();
        }
        return chosen;
    }

    private static Map<String, String> metadata(SensitiveConfig config, String base) {
        SensitiveConfig.Choice choice = config.choice();
        Map<String, String> said = new LinkedHashMap<>();
        said.put("millrace_base", base);
        said.put("by", OptionTypes.spelling(choice.by()));
        said.put("share", String.valueOf(choice.share()));
        if (choice.by() != SensitiveConfig.By.MAGNITUDE) {
            said.put("directions", String.valueOf(choice.directions()));
            said.put("perturbation", config.arithmetic().perturbation());
            said.put("eps", String.valueOf(config.arithmetic().eps()));
            said.put("seed", Seeds.format(config.arithmetic().seed()));
        }
        return said;
    }
}
