"""Phrases of two words: greetings and everyday things in twelve languages that the space does not know, and prompts of
English, German, French and Spanish, many with foreign names and loan words."""

from __future__ import annotations


def _split(phrases: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in phrases.split("|")]


def _split_all(phrases: dict[str, str]) -> dict[str, list[str]]:
    return {name: _split(text) for name, text in phrases.items()}


FOREIGN = _split_all(
    {
        "Polish": """
        Dzień dobry | Dobry wieczór | Do widzenia | Jak upiec | Przepis na | Moja rodzina | Dziękuję bardzo |
        Zupa pomidorowa | Nauka pływania | Mój ogród | Pies sąsiada | Zdrowe śniadanie | Jak schudnąć |
        List motywacyjny | Podróż pociągiem | Stary dom | Wszystkiego najlepszego | Nowa praca | Czysta kuchnia
        | Chleb żytni | Co słychać
        """,
        "Czech": """
        Dobrý den | Dobré ráno | Na shledanou | Jak upéct | Moje rodina | Děkuji moc | Rajská polévka |
        Zdravá snídaně | Můj pes | Nová práce | Starý dům | Péče o | Jak zhubnout | Cesta vlakem | Domácí chléb
        | Všechno nejlepší | Dopis babičce | Čistá kuchyně | Česká kuchyně | Dobrou noc
        """,
        "Danish": """
        Hvordan bage | Godmorgen alle | Min familie | Mange tak | Min have | Ny cykel | Sund morgenmad |
        Gammelt hus | Rent køkken | Tillykke med | Hvad koster | Min hund | Hjemmebagt brød | Rejse med |
        Bedre søvn | Lær svømning | God aften | Tak for | Dansk mad | Hvor er
        """,
        "Swedish": """
        God morgon | Hur bakar | Min familj | Tack så | Min trädgård | Ny cykel | Nyttig frukost | Gammalt hus |
        Rent kök | Grattis på | Vad kostar | Min hund | Hembakat bröd | Resa med | Bättre sömn | Lär simma |
        God natt | Svensk mat | Var är | Hej då
        """,
        "Norwegian": """
        Hvordan bake | God morgen | Min familie | Tusen takk | Min hage | Ny sykkel | Sunn frokost | Gammelt hus
        | Rent kjøkken | Gratulerer med | Hva koster | Hunden min | Hjemmebakt brød | Reise med | Bedre søvn |
        Lær svømming | God kveld | Norsk mat | Hvor er | Ha det
        """,
        "Dutch": """
        Goede morgen | Hoe bak | Mijn familie | Hartelijk dank | Mijn tuin | Nieuwe fiets | Gezond ontbijt |
        Oud huis | Schone keuken | Gefeliciteerd met | Wat kost | Mijn hond | Zelfgebakken brood | Reizen met |
        Beter slapen | Leren zwemmen | Goede nacht | Nederlands eten | Waar is | Tot ziens
        """,
        "Italian": """
        Buongiorno tutti | Buona sera | Come cucinare | La famiglia | Mille grazie | Il giardino |
        Bicicletta nuova | Colazione sana | Casa vecchia | Cucina pulita | Tanti auguri | Quanto costa | Il mio
        | Pane fatto | Viaggio in | Dormire meglio | Imparare nuotare | Buona notte | Cibo italiano | Dove sono
        """,
        "Portuguese": """
        Bom dia | Como fazer | Minha família | Muito obrigado | Meu jardim | Bicicleta nova | Café da |
        Casa velha | Cozinha limpa | Feliz aniversário | Quanto custa | Meu cachorro | Pão caseiro | Viagem de |
        Dormir melhor | Aprender nadar | Boa noite | Comida brasileira | Onde está | Até logo
        """,
        "Finnish": """
        Hyvää huomenta | Kuinka leipoa | Minun perheeni | Paljon kiitoksia | Minun puutarhani | Uusi pyörä |
        Terveellinen aamiainen | Vanha talo | Puhdas keittiö | Hyvää syntymäpäivää | Mitä maksaa | Minun koirani
        | Kotitekoinen leipä | Matka junalla | Parempi uni | Opi uimaan | Hyvää yötä | Suomalainen ruoka |
        Missä on | Mitä kuuluu
        """,
        "Hungarian": """
        Jó reggelt | Hogyan süssünk | A családom | Nagyon köszönöm | Az kertem | Új kerékpár |
        Egészséges reggeli | Régi ház | Tiszta konyha | Boldog születésnapot | Mennyibe kerül | A kutyám |
        Házi kenyér | Utazás vonattal | Jobb alvás | Tanulj úszni | Jó éjszakát | Magyar ételek | Hol van |
        Jó napot
        """,
        "Turkish": """
        Günaydın herkese | İyi akşamlar | Nasıl yapılır | Benim ailem | Çok teşekkürler | Benim bahçem |
        Yeni bisiklet | Sağlıklı kahvaltı | Eski ev | Temiz mutfak | Mutlu yıllar | Ne kadar | Benim köpeğim |
        Ev ekmeği | Trenle yolculuk | Daha iyi | Yüzme öğrenmek | İyi geceler | Türk yemekleri | Nerede bu
        """,
        "Romanian": """
        Bună dimineața | Bună ziua | Cum gătesc | Familia mea | Mulțumesc mult | Grădina mea | Bicicletă nouă |
        Mic dejun | Casă veche | Bucătărie curată | La mulți | Cât costă | Câinele meu | Pâine de | Călătorie cu
        | Somn mai | Învăț să | Noapte bună | Mâncare românească | Unde este
        """,
    }
)
"""Phrases that the lists of words were made with."""

HELD_OUT = _split_all(
    {
        "Polish": """
        Miłego dnia | Smacznego wszystkim | Jak zrobić | Dlaczego śpimy | Mały kot | Nasze miasto |
        Zupa grzybowa | Święta w | Dom babci | Gdzie mieszkać | Jak oszczędzać | Napisz wiersz | Kawa rano |
        Kocham cię | Proste ciasto
        """,
        "Czech": """
        Hezký den | Dobrou chuť | Proč spíme | Malá kočka | Jak ušetřit | Kde bydlet | Miluji tě | Výlet do |
        Zdravé jídlo | Napiš báseň | Houbová polévka | Náš dům | Ranní káva | Jednoduchý koláč | Jak žít
        """,
        "Danish": """
        Hav det | Velbekomme alle | Hvorfor sover | Lille kat | Vores by | Hvordan spare | Jeg elsker |
        Skriv digt | Kaffe om | Nem kage | Hvor bor | Sommer i | Bedstemors hus | Mit job | Sund mad
        """,
        "Swedish": """
        Ha det | Smaklig måltid | Varför sover | Liten katt | Vår stad | Hur sparar | Jag älskar | Skriv dikt |
        Enkel kaka | Var bor | Sommar i | Mormors hus | Mitt jobb | Nyttig mat | Svampsoppa recept
        """,
        "Norwegian": """
        Ha det | Hvorfor sover | Liten katt | Byen vår | Hvordan spare | Jeg elsker | Skriv dikt | Enkel kake |
        Hvor bor | Sommer i | Bestemors hus | Jobben min | Sunn mat | Kaffe om | Vær så
        """,
        "Dutch": """
        Fijne dag | Eet smakelijk | Waarom slapen | Kleine kat | Onze stad | Hoe sparen | Ik hou |
        Schrijf gedicht | Simpele taart | Waar wonen | Zomer in | Oma's huis | Mijn baan | Gezond eten |
        Koffie drinken
        """,
        "Italian": """
        Buona giornata | Buon appetito | Perché dormiamo | Gatto piccolo | Nostra città | Come risparmiare |
        Ti amo | Scrivi poesia | Torta semplice | Dove abitare | Estate in | Casa nonna | Il lavoro | Cibo sano
        | Caffè mattina
        """,
        "Portuguese": """
        Bom apetite | Por que | Gato pequeno | Nossa cidade | Como economizar | Eu amo | Escreva poema |
        Bolo simples | Onde morar | Verão em | Casa da | Meu trabalho | Comida saudável | Café manhã | Muito bem
        """,
        "Finnish": """
        Mukavaa päivää | Hyvää ruokahalua | Miksi nukumme | Pieni kissa | Meidän kaupunki | Miten säästää |
        Rakastan sinua | Kirjoita runo | Helppo kakku | Missä asua | Kesä Suomessa | Mummon talo | Minun työni |
        Terveellinen ruoka | Aamun kahvi
        """,
        "Hungarian": """
        Szép napot | Jó étvágyat | Miért alszunk | Kis macska | A városunk | Hogyan spóroljunk | Szeretlek téged
        | Írj verset | Egyszerű torta | Hol lakjunk | Nyár a | Nagymama háza | A munkám | Egészséges étel |
        Reggeli kávé
        """,
        "Turkish": """
        İyi günler | Afiyet olsun | Neden uyuyoruz | Küçük kedi | Bizim şehir | Nasıl biriktirilir |
        Seni seviyorum | Şiir yaz | Kolay kek | Nerede yaşamalı | Yaz tatili | Anneannemin evi | Benim işim |
        Sağlıklı yemek | Sabah kahvesi
        """,
        "Romanian": """
        O zi | Poftă bună | De ce | Pisică mică | Orașul nostru | Cum economisesc | Te iubesc | Scrie poezie |
        Prăjitură simplă | Unde locuiesc | Vara în | Casa bunicii | Munca mea | Mâncare sănătoasă |
        Cafea dimineața
        """,
    }
)
"""Phrases written afterwards."""

ENGLISH = _split(
    """
        Dvořák symphony | crème brûlée | smörgåsbord party | Chopin études | Gdańsk weekend | Kraków trip |
        Łódź guide | pierogi recipe | bigos stew | Lech Wałęsa | Karel Čapek | Škoda repair | Brno hotels |
        Václav Havel | Malmö bridge | Björk albums | Ålesund hiking | Tromsø winter | Søren Kierkegaard |
        Ærø island | hygge evenings | Hygge home | lagom living | fika break | Göteborg food | Jönköping weekend
        | ABBA songs | Stieg Larsson | Ingmar Bergman | Edvard Grieg | Roald Amundsen | Knut Hamsun |
        Oslo museums | Bergen fish | Lillehammer skiing | Van Gogh | Vincent van | Anne Frank | gouda cheese |
        stroopwafel recipe | Den Haag | Utrecht canals | koopman family | Dolce vita | La Scala | Bella Napoli |
        pasta carbonara | spaghetti bolognese | prosciutto platter | tiramisu cake | gelato shop | Leonardo da |
        Giuseppe Verdi | bossa nova | caipirinha night | fado music | Ronaldo biography | São Paulo |
        Rio carnival | Fernando Pessoa | pastel de | sauna rules | Sibelius symphony | Helsinki design |
        Nokia history | Alvar Aalto | Jari Litmanen | goulash soup | paprika chicken | Béla Bartók |
        Ferenc Liszt | Budapest baths | Lake Balaton | Puskás legend | Lángos stand | doner kebab |
        baklava recipe | Atatürk biography | Orhan Pamuk | Göreme caves | İzmir food | Turkish delight |
        Hagia Sophia | Constantin Brâncuși | Nadia Comăneci | Mihai Eminescu | Cluj weekend | Timișoara tour |
        Ceaușescu regime | Dracula castle | Bran castle | hakuna matata | feng shui | karaoke night |
        tsunami warning | sushi rolls | origami crane | kimchi jar | pho soup | bánh mì | jalapeño poppers |
        piñata party | façade painting | naïve art | résumé tips | fiancé visa | café culture | déjà vu |
        coup d'état | carpe diem | alma mater | ad hoc | status quo | Terra incognita | cosa nostra | Bella ciao
        | Ciao bella | prima donna | prima ballerina | al dente | al fresco | in vitro | pro bono | bona fide |
        vice versa | persona non | Tabula rasa | Magna carta | Habeas corpus | Rigor mortis | Nova Scotia |
        Costa Rica | Puerto Rico | Monte Carlo | Sierra Nevada | Santa Claus | Santa Maria | Mein Kampf |
        Volkswagen Golf | Doppelgänger stories | über driver | Schadenfreude explained | kindergarten teacher |
        angst diary | wanderlust blog | rucksack packing | zeitgeist today | Mount Everest | Kilimanjaro climb |
        safari trip | ubuntu philosophy | Ubuntu install | Jedi training | Pikachu drawing | Hermione Granger |
        Kafka novel | Milan Kundera | Novak Djokovic | Luka Modrić | Slavoj Žižek | Nikola Tesla | Melania Trump
        | Garry Kasparov | Tolstoy novels | borscht soup | vodka tonic | babushka doll | matryoshka dolls |
        troika ride | sputnik launch | Gorbachev reforms | Björn Borg | Greta Thunberg | Zlatan goals |
        Lego bricks | Bang Olufsen | IKEA furniture | Volvo engine | Saab history | Carlsberg beer |
        Heineken beer | Philips shaver | Ajax club | Feyenoord fans | Maersk ships | Nina Simone | Maria Callas
        | Elena Ferrante | Umberto Eco | Pavarotti arias | Fellini films | Sofia Loren | Mona Lisa | Casa Mila |
        Mamma mia | mamma mia | Viva Italia | Forza Italia | Forza Juventus | Inter Milan | AC Milan |
        Lazio Roma | Real Madrid | Porto wine | Lisbon trams | Sintra palace | Alto Adige | Cinque Terre |
        Palio race | Tosca opera | Aida tickets | Turandot review | Così fan | allegro moderato |
        andante cantabile | pizza margherita | pizza napoletana | espresso macchiato | latte art | caffè latte |
        panna cotta | vitello tonnato | insalata caprese | pasta fagioli | mozzarella sticks | ravioli filling |
        minestrone soup | focaccia bread | ciabatta rolls | bruschetta topping | pesto sauce | Aperol spritz |
        Campari soda | Chianti wine | grappa tasting | mulled glögg | aquavit toast | gravlax recipe |
        lutefisk dinner | köttbullar recipe | kanelbullar baking | semla bun | surströmming challenge |
        brunost cheese | lefse griddle | rømmegrøt recipe | smørrebrød lunch | rugbrød recipe |
        wienerbrød pastry | æbleskiver pan | frikadeller recipe | karjalanpiirakka recipe | salmiakki candy |
        mämmi dessert | pulla bread | kalakukko recipe | pörkölt recipe | dobos torte | tokaji wine |
        pálinka tasting | csárdás dance | raki table | börek recipe | lahmacun recipe | ayran drink |
        köfte recipe | menemen eggs | mamaliga recipe | sarmale recipe | cozonac recipe | țuică tasting |
        żurek soup | żubrówka vodka | gołąbki recipe | kołaczki cookies | pączki day | kielbasa grill |
        babka loaf | knedlíky recipe | svíčková sauce | trdelník stand | Pilsner Urquell | Budvar beer |
        becherovka shot | Bohemian Rhapsody | hello world | Good morning | My garden | old house | clean kitchen
        | Rye bread | New job | my dog | healthy breakfast | Train journey | better sleep | tomato soup |
        family dinner | Learn swimming | cover letter | wedding speech | min max | den mother | mad men |
        hat trick | fast food | alle alle | Dim sum | dag hammer | Tag team | Rent control | rent house |
        god father | God bless | God save | ten men | Mine craft | star gazing | barn door | fart jokes |
        slut shaming | gift ideas | gymnasium rules | fin whale | gang war | hell boy | hugs kisses | bra size |
        glass door | pass port | kind man | bad art | dog bed | men only | her hat | fire side | tom tom | Jo Jo
        | Bo Derek | Per Mertesacker | Jan Vermeer | Piet Mondriaan | Ole Gunnar | Erling Haaland | Lars Ulrich
        | Sven Regener | Mads Mikkelsen | Nikolaj Coster-Waldau | Rasmus Højlund | Ibsen plays | Hedda Gabler |
        Peer Gynt | Pippi Langstrumpf | Emil Lönneberga | Nils Holgersson | Moomin valley | Tove Jansson |
        Kalevala epic | Linus Torvalds | Kimi Räikkönen | Mika Häkkinen | Matti Nykänen | Ville Valo |
        Szymborska poems | Wisława Szymborska | Olga Tokarczuk | Stanisław Lem | Solidarność movement |
        Marie Skłodowska | Robert Lewandowski | Zbigniew Brzeziński | Andrzej Wajda | Roman Polański |
        Auschwitz memorial | Tatry hiking | Zakopane ski | Wieliczka mine | tutti frutti | cucina povera |
        acqua pazza | Polska kielbasa | Česká zbrojovka | Palazzo Vecchio | Nuovo cinema | Buon natale |
        amore mio | Darth Vader | jag mechanic | till roll | apple pies | old barn | real estate | pan pipes |
        mad hatter | safe haven | bus fare | teen drama | tack room | thumb tack | Franz Liszt | magyar vizsla |
        dolce far | Suomenlinna ferry | Jaro Tolkien | Jen Psaki | Ana Ivanovic | Moa Martinson | Liv Ullmann |
        Max Havelaar | Anke Huber | Tuin guide | Huis clos | Den Bosch | Koninklijke Luchtvaart |
        Concertgebouw tickets | Rijksmuseum visit | Keukenhof tulips | Zandvoort race | poffertjes pan |
        bitterballen recipe | hagelslag toast | oliebollen recipe | Sinterklaas party | Zwarte Piet |
        rijsttafel dinner | Kinderdijk mills | Volendam day | Tivoli gardens | Legoland trip | Roskilde festival
        | Aarhus weekend | Øresund bridge | Hans Christian | Niels Bohr | Tycho Brahe | Viking ship |
        ombudsman complaint | Skansen visit | Midsommar party | Systembolaget hours | Dalahäst painting |
        Vasa museum | Alfred Nobel | Astrid Lindgren | Kronor exchange | Malin Åkerman | Stellan Skarsgård |
        Gällivare snow | Kiruna move | julbord buffet | Knäckebröd toppings | prinsesstårta cake |
        Hurtigruten cruise | Geirangerfjord hike | Trolltunga hike | Preikestolen hike | Holmenkollen ski |
        Fjällräven backpack | Sæther family | Jørn Utzon | krumkake iron | Jøtul stove | Juventus tickets |
        Uffizi queue | Vatican tour | Amalfi drive | Pompeii ruins | Ponte Vecchio | osso buco |
        saltimbocca alla | risotto milanese | gnocchi sorrentina | limoncello recipe | negroni sbagliato |
        biscotti tin | affogato dessert | stracciatella ice | opera buffa | sotto voce | sprezzatura style |
        paparazzi law | commedia dell | chiaroscuro lighting | sfumato technique | al pesto | Primo Levi |
        Italo Calvino | pão bread | pastéis de | Pelé goals | capoeira class | favela tour | samba steps |
        Copacabana beach | açaí bowl | churrasco grill | feijoada recipe | Açores whales | José Saramago |
        vinho verde | Vasco da | Magellan voyage | Aalto vase | Marimekko dress | Rovaniemi Santa |
        Lapland aurora | Angry Birds | Karelian pie | Sanna Marin | sisu mindset | kantele lessons |
        Tampere trams | Savonlinna opera | rubik's cube | Rubik Ernő | Szeged paprika | Tokaj tasting | Zsa Zsa
        | Attila József | Viktor Orbán | Zoltán Kodály | Ady Endre | vizsla puppy | puli dog | langos toppings |
        kürtőskalács stand | Szent István | Erdős number | Galatasaray match | Fenerbahçe fans |
        Beşiktaş stadium | Topkapı palace | Ephesus ruins | hammam etiquette | kilim rug | Erdoğan policy |
        Nasreddin Hodja | meze table | Kurtuluş district | Gülen movement | Elif Şafak | İstiklal street |
        Pamukkale pools | Simona Halep | Gheorghe Hagi | Transylvania castles | Sibiu market | Eugène Ionesco |
        Emil Cioran | mici grill | Peleș castle | Sighișoara walls | Brașov weekend | Wrocław dwarfs |
        Poznań trade | Żywiec beer | oscypek cheese | Chopin nocturnes | Witold Gombrowicz | Henryk Sienkiewicz
        | Krzysztof Kieślowski | Iga Świątek | Łukasz Fabiański | Częstochowa icon | makowiec cake |
        Plzeň brewery | Český Krumlov | Karlovy Vary | Antonín Dvořák | Bedřich Smetana | Jaromír Jágr |
        Miloš Forman | Petra Kvitová | Třebíč basilica | kolache bakery | Jan Hus | Alfons Mucha | Pat Metheny |
        Stari Most | Como lake | Sara Lee | Costa coffee | Mia Farrow | Nova scotia | Vita Sackville |
        Sera Monastery | Anne Hathaway | Maria Sharapova | Kim Clijsters | Tom Waits | Olav Thon | Hej mug |
        Ja Rule | Kit Kat | Jo Malone | Fra Angelico | Mat Hancock | Rent musical | Die Hard | smart phone |
        Baba Yaga | Dobby elf | Pan Am | Dom Pérignon | Lite Brite | Sun Tzu | Oder river | Bra fitting |
        Sol Levante | Sic semper | Alla prima | Una Stubbs
    """
)

KNOWN = _split(
    """
        Guten Morgen | Mein Garten | Altes Haus | Saubere Küche | Wie backen | Gesundes Frühstück |
        Neues Fahrrad | Gute Nacht | Vielen Dank | Mein Hund | Besser schlafen | Brot backen | Liebe Oma |
        Schöne Ferien | Wo ist | Auf Wiedersehen | Zug fahren | Schwimmen lernen | Käse Spätzle | Rote Grütze |
        Bonjour madame | Mon jardin | Vieille maison | Cuisine propre | Merci beaucoup | Bonne nuit | Mon chien
        | Pain maison | Vélo neuf | Mieux dormir | Petit déjeuner | Ma famille | Apprendre nager | Où est |
        Au revoir | Joyeux anniversaire | Comment cuisiner | Voyage en | Combien coûte | Soupe oignon |
        Buenos días | Mi jardín | Casa vieja | Cocina limpia | Muchas gracias | Buenas noches | Mi perro |
        Pan casero | Bicicleta nueva | Dormir mejor | Desayuno sano | Mi familia | Aprender nadar | Dónde está |
        Hasta luego | Feliz cumpleaños | Cómo cocinar | Viaje en | Cuánto cuesta | Sopa tomate | casa nueva |
        como hacer | la familia | mi casa
    """
)
"""German, French and Spanish."""
