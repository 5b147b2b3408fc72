package io.millrace.executor.config;

import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.GradientEstimator;
import io.millrace.optim.gradient.rule.AdaLomo;
import io.millrace.optim.gradient.rule.Adafactor;
import io.millrace.optim.gradient.rule.Adagrad;
import io.millrace.optim.gradient.rule.AdamW;
import io.millrace.optim.gradient.rule.AdamW8bit;
import io.millrace.optim.gradient.rule.GaLore;
import io.millrace.optim.gradient.rule.Lion;
import io.millrace.optim.gradient.rule.Lomo;
import io.millrace.optim.gradient.rule.NaturalGaLore;
import io.millrace.optim.gradient.rule.Sgd;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.BadamLayers;
import io.millrace.optim.participation.HiftGroups;
import io.millrace.optim.participation.LisaLayers;
import io.millrace.optim.participation.OwloreLayers;
import io.millrace.optim.participation.Participations;
import java.util.List;

/** Published methods that need the gradient. */
final class FirstOrderMethods {
    private FirstOrderMethods() {}

    static List<Method> all() {
        return List.of(
                rule("sgd", "PyTorch's", Sgd.NAME, 1e-3),
                rule("adamw", "arXiv 1711.05101", AdamW.NAME, 5e-5),
                rule("adagrad", "PyTorch's", Adagrad.NAME, 1e-2),
                rule("lion", "arXiv 2302.06675", Lion.NAME, 1e-4),
                rule("adafactor", "arXiv 1804.04235", Adafactor.NAME, 1e-3),
                rule("lomo", "arXiv 2306.09782", Lomo.NAME, 3e-2),
                rule("adalomo", "arXiv 2310.10195", AdaLomo.NAME, 5e-4),
                rule("galore", "arXiv 2403.03507", GaLore.NAME, 1e-2),
                rule("natural-galore", "arXiv 2410.16029", NaturalGaLore.NAME, 1e-2),
                rule("adamw-8bit", "arXiv 2110.02861, of all tensors", AdamW8bit.NAME, 5e-5),
                turns("hift", "arXiv 2401.15207", HiftGroups.NAME, 5e-5),
                turns("lisa", "arXiv 2403.17919", LisaLayers.NAME, 2e-5),
                turns("badam", "arXiv 2404.02827", BadamLayers.NAME, 1e-5),
                turns("owlore", "arXiv 2405.18380, its layers", OwloreLayers.NAME, 3e-4));
    }

    private static Method rule(String name, String source, String optimizer, double rate) {
        return new Method(
                name,
                source,
                Settings.NONE
                        .with(Estimators.KINDS.naming(), GradientEstimator.NAME)
                        .with(Optimizers.KINDS.naming(), optimizer)
                        .with(ArithmeticConfig.LR, rate));
    }

    /** AdamW of parts of a model that take turns. */
    private static Method turns(String name, String source, String blocks, double rate) {
        Method rule = rule(name, source, AdamW.NAME, rate);
        return new Method(
                name, source, rule.settings().with(Participations.KINDS.naming(), blocks));
    }
}
