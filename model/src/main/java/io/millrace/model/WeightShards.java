package io.millrace.model;

import io.millrace.model.file.SafetensorsWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** Cuts a model's tensors into files of a size, named as the hub's library names them. */
final class WeightShards {
    private WeightShards() {}

    /**
     * The same tensors in the same order, in other files where a size is given.
     *
     * @param shards files as they would be
     * @param mostBytes of tensors in a file; a larger tensor has one of its own
     */
    static List<ModelFolderWriter.Shard> of(
            List<ModelFolderWriter.Shard> shards, OptionalLong mostBytes) {
        if (mostBytes.isEmpty()) {
            return shards;
        }
        List<List<SafetensorsWriter.Entry>> files = new ArrayList<>();
        long left = 0;
        for (ModelFolderWriter.Shard shard : shards) {
            for (SafetensorsWriter.Entry tensor : shard.tensors()) {
                if (files.isEmpty() || tensor.sizeBytes() > left) {
                    files.add(new ArrayList<>());
                    left = mostBytes.getAsLong();
                }
                files.getLast().add(tensor);
                left -= tensor.sizeBytes();
            }
        }
        Map<String, String> metadata = shards.getFirst().metadata();
        List<ModelFolderWriter.Shard> cut = new ArrayList<>();
        for (int i = 0; i < files.size(); i++) {
            String name =
                    files.size() == 1
                            ? "model.safetensors"
                            : String.format("model-%05d-of-%05d.safetensors", i + 1, files.size());
            cut.add(new ModelFolderWriter.Shard(name, metadata, files.get(i)));
        }
        return cut;
    }
}
