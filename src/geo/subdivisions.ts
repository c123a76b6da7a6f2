/**
 * ISO 3166-2 subdivisions of the countries whose geo keys are checked against a list: code and English name. The name
 * finds the code in databases of the flat schema, which carry only names. In other countries a key's subdivision is
 * checked for its form alone: one to three letters or digits.
 */
const ROWS: Record<string, string> = {
  US: `AK Alaska;AL Alabama;AR Arkansas;AS American Samoa;AZ Arizona;CA California;CO Colorado;CT Connecticut;
DC District of Columbia;DE Delaware;FL Florida;GA Georgia;GU Guam;HI Hawaii;IA Iowa;ID Idaho;IL Illinois;IN Indiana;
KS Kansas;KY Kentucky;LA Louisiana;MA Massachusetts;MD Maryland;ME Maine;MI Michigan;MN Minnesota;MO Missouri;
MP Northern Mariana Islands;MS Mississippi;MT Montana;NC North Carolina;ND North Dakota;NE Nebraska;NH New Hampshire;
NJ New Jersey;NM New Mexico;NV Nevada;NY New York;OH Ohio;OK Oklahoma;OR Oregon;PA Pennsylvania;PR Puerto Rico;
RI Rhode Island;SC South Carolina;SD South Dakota;TN Tennessee;TX Texas;UM United States Minor Outlying Islands;UT Utah;
VA Virginia;VI U.S. Virgin Islands;VT Vermont;WA Washington;WI Wisconsin;WV West Virginia;WY Wyoming`,
  CA: `AB Alberta;BC British Columbia;MB Manitoba;NB New Brunswick;NL Newfoundland and Labrador;NS Nova Scotia;
NT Northwest Territories;NU Nunavut;ON Ontario;PE Prince Edward Island;QC Quebec;SK Saskatchewan;YT Yukon`,
  AU: `ACT Australian Capital Territory;NSW New South Wales;NT Northern Territory;QLD Queensland;SA South Australia;
TAS Tasmania;VIC Victoria;WA Western Australia`,
  DE: `BB Brandenburg;BE Berlin;BW Baden-Württemberg;BY Bavaria;HB Bremen;HE Hesse;HH Hamburg;
MV Mecklenburg-Vorpommern;NI Lower Saxony;NW North Rhine-Westphalia;RP Rheinland-Pfalz;SH Schleswig-Holstein;
SL Saarland;SN Saxony;ST Saxony-Anhalt;TH Thuringia`,
  BR: `AC Acre;AL Alagoas;AM Amazonas;AP Amapá;BA Bahia;CE Ceará;DF Federal District;ES Espírito Santo;GO Goiás;
MA Maranhão;MG Minas Gerais;MS Mato Grosso do Sul;MT Mato Grosso;PA Pará;PB Paraíba;PE Pernambuco;PI Piauí;PR Paraná;
RJ Rio de Janeiro;RN Rio Grande do Norte;RO Rondônia;RR Roraima;RS Rio Grande do Sul;SC Santa Catarina;SE Sergipe;
SP São Paulo;TO Tocantins`,
};

/** Name by code, by country. */
const BY_COUNTRY = new Map(
  Object.entries(ROWS).map(([country, rows]) => {
    const names = new Map<string, string>();
    for (const row of rows.split(/;\n?/)) {
      const space = row.indexOf(" ");
      names.set(row.slice(0, space), row.slice(space + 1));
    }
    return [country, names] as const;
  }),
);

/** Codes of a country's subdivisions, or null: this country has no list here. */
export function listSubdivisions(country: string): readonly string[] | null {
  const names = BY_COUNTRY.get(country);
  return names === undefined ? null : [...names.keys()];
}

/** Code of the subdivision with this English name (in any case) or code, or null. */
export function findSubdivision(country: string, name: string): string | null {
  const names = BY_COUNTRY.get(country);
  if (names === undefined) return /^[A-Z0-9]{1,3}$/.test(name) ? name : null;
  if (names.has(name)) return name;
  const wanted = name.toLowerCase();
  for (const [code, known] of names) if (known.toLowerCase() === wanted) return code;
  return null;
}
